use super::*;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use seatrial_spec::FileError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

/// A folder in memory.
#[derive(Default)]
struct Desk(Mutex<BTreeMap<String, String>>);

impl Artifacts for Desk {
    fn digest(&self, path: &str) -> Result<Digest, FileError> {
        if path == "evidence/week.csv" { Ok(Digest::of(b"a week")) } else { Err(FileError::NotFound) }
    }
}

impl Shelf for Desk {
    fn names(&self) -> Result<Vec<String>, ShelfError> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }
    fn text(&self, name: &str) -> Result<String, ShelfError> {
        self.0.lock().unwrap().get(name).cloned().ok_or(ShelfError::NotFound)
    }
    fn save(&self, name: &str, seen: Option<Digest>, text: &str) -> Result<(), ShelfError> {
        let mut files = self.0.lock().unwrap();
        if files.get(name).map(|now| Digest::of(now.as_bytes())) != seen {
            return Err(ShelfError::Changed);
        }
        files.insert(name.to_owned(), text.to_owned());
        Ok(())
    }
    fn artifacts(&self) -> &dyn Artifacts {
        self
    }
    fn label(&self) -> String {
        "memory".to_owned()
    }
}

struct Site {
    router: Router,
    entry: Entry,
    desk: Arc<Desk>,
}

const HOST: &str = "127.0.0.1:4711";

impl Site {
    fn new() -> Self {
        let (desk, entry) = (Arc::new(Desk::default()), Entry::new(HOST.parse().unwrap()).unwrap());
        Self { router: router(Arc::clone(&desk) as Arc<dyn Shelf>, entry.clone()), entry, desk }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    fn request(&self, path: &str) -> axum::http::request::Builder {
        let cookie = format!("{}={}", self.entry.cookie_name(), self.entry.key);
        Request::builder().uri(path).header(header::HOST, HOST).header(header::COOKIE, cookie)
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.send(self.request(path).body(Body::empty()).unwrap()).await;
        (response.status(), text(response).await)
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
        let mut body: Vec<String> =
            fields.iter().map(|(k, v)| format!("{k}={}", crate::pages::parts::encode(v))).collect();
        body.push(format!("csrf={}", self.entry.csrf));
        self.request(path)
            .method("POST")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.join("&")))
            .unwrap()
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String, String) {
        let response = self.send(self.form(path, fields)).await;
        let to = response.headers().get(header::LOCATION).map_or("", |v| v.to_str().unwrap()).to_owned();
        (response.status(), to, text(response).await)
    }

    fn seen(&self, name: &str) -> String {
        Digest::of(self.desk.text(name).unwrap().as_bytes()).to_string()
    }

    /// With one candidate, `acme`.
    async fn with_acme() -> Self {
        let site = Self::new();
        let fields = [("name", "Acme <b>&"), ("kind", "vendor"), ("answered_by", "A. B."), ("date", "2026-11-16")];
        let (status, to, _) = site.post("/new", &fields).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/c/acme-b"));
        site
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 4 << 20).await.unwrap().to_vec()).unwrap()
}

const QUESTION: &str = "/c/acme-b/q/cto.controls";

#[tokio::test]
async fn nobody_enters_without_the_link() {
    let site = Site::new();
    let bare =
        |path: &str, host: &str| Request::builder().uri(path).header(header::HOST, host).body(Body::empty()).unwrap();
    let response = site.send(bare("/", HOST)).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(site.send(bare("/?key=0000", HOST)).await.status(), StatusCode::FORBIDDEN);
    let link = site.entry.link();
    let response = site.send(bare(link.strip_prefix("http://127.0.0.1:4711").unwrap(), HOST)).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(site.get("/").await.0, StatusCode::OK);
}

/// A page of another site that has a name of its own lead to this address is refused, whatever it knows.
#[tokio::test]
async fn only_its_own_name_is_answered() {
    let site = Site::with_acme().await;
    for host in ["evil.example", "evil.example:4711", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.example:4711", ""] {
        let mut request = site.request("/").body(Body::empty()).unwrap();
        request.headers_mut().insert(header::HOST, host.parse().unwrap());
        assert_eq!(site.send(request).await.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let mut request = site.request("/").body(Body::empty()).unwrap();
    request.headers_mut().remove(header::HOST);
    assert_eq!(site.send(request).await.status(), StatusCode::MISDIRECTED_REQUEST);
    let mut request = site.request("/").body(Body::empty()).unwrap();
    request.headers_mut().insert(header::HOST, "localhost:4711".parse().unwrap());
    assert_eq!(site.send(request).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_form_of_another_page_saves_nothing() {
    let site = Site::with_acme().await;
    let before = site.desk.text("acme-b").unwrap();
    let seen = site.seen("acme-b");
    let fields = [("claim", "yes"), ("seen", seen.as_str())];
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        let mut request = site.form(QUESTION, &fields);
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(site.send(request).await.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let forged = |token: &str| {
        let body = format!("claim=yes&seen={seen}{token}");
        let request = site.request(QUESTION).method("POST");
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body)).unwrap()
    };
    for token in ["", "&csrf=", "&csrf=0000"] {
        assert_eq!(site.send(forged(token)).await.status(), StatusCode::FORBIDDEN, "{token}");
    }
    assert_eq!(site.desk.text("acme-b").unwrap(), before);
    let (status, to, _) = site.post(QUESTION, &fields).await;
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/c/acme-b/q/cto.ownership"));
}

#[tokio::test]
async fn an_answer_is_saved_with_what_stands_behind_it() {
    let site = Site::with_acme().await;
    let seen = site.seen("acme-b");
    let fields = [
        ("seen", seen.as_str()),
        ("claim", "yes"),
        ("text", "They <script>say</script> so\r\ntwice"),
        ("kind-0", "file"),
        ("where-0", "evidence/week.csv"),
        ("date-0", "2026-11-13"),
        ("by-0", "M. Ferro"),
        ("kind-1", "link"),
        ("where-1", "https://a.example/x"),
        ("remove-1", "yes"),
        ("where-2", ""),
        ("then", "stay"),
    ];
    let (status, to, _) = site.post(QUESTION, &fields).await;
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/c/acme-b/q/cto.controls#artifacts"));
    let text = site.desk.text("acme-b").unwrap();
    // What was answered with is remembered by its digest, so that nobody changes the file unseen.
    assert!(text.contains(&format!("sha256: \"{}\"", Digest::of(b"a week"))), "{text}");
    assert!(!text.contains("a.example") && text.contains("so\\ntwice"), "{text}");
    let (_, page) = site.get(QUESTION).await;
    assert!(
        page.contains("evidenced") && page.contains("They &lt;script&gt;say") && !page.contains("<script"),
        "{page}"
    );
    let (_, page) = site.get("/report").await;
    assert!(page.contains("evidence/week.csv") && page.contains("Acme &lt;b&gt;&amp;"), "{page}");
    let response = site.send(site.request("/report.html?c=acme-b").body(Body::empty()).unwrap()).await;
    assert!(response.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
}

#[tokio::test]
async fn what_cannot_be_saved_is_shown_again_and_the_file_stays() {
    let site = Site::with_acme().await;
    let before = site.desk.text("acme-b").unwrap();
    let seen = site.seen("acme-b");
    let with = |field: (&'static str, &'static str), more: (&'static str, &'static str)| {
        [
            ("seen", seen.clone()),
            ("claim", "yes".into()),
            ("text", "typed with care".into()),
            (field.0, field.1.into()),
            (more.0, more.1.into()),
        ]
    };
    for (field, more, why) in [
        (("claim", "perhaps"), ("then", "next"), "No claim was chosen"),
        (("where-0", "intranet"), ("kind-0", "link"), "a link begins with"),
        (("where-0", "x"), ("date-0", "yesterday"), "is not a date"),
        (("where-0", ""), ("by-0", "somebody"), "does not say where"),
    ] {
        let fields = with(field, more);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let (status, _, page) = site.post(QUESTION, &fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(
            page.contains(why) && page.contains("typed with care") && page.contains("nothing was saved"),
            "{why}: {page}"
        );
    }
    // Somebody's editor was faster.
    let other = format!("{before}# by hand\n");
    site.desk.0.lock().unwrap().insert("acme-b".to_owned(), other.clone());
    let (status, _, page) = site.post(QUESTION, &[("seen", &seen), ("claim", "no"), ("text", "mine")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("changed meanwhile") && page.contains("mine"), "{page}");
    assert_eq!(site.desk.text("acme-b").unwrap(), other);
    // With the file as it is now, the comment stays.
    let (status, ..) = site.post(QUESTION, &[("seen", &site.seen("acme-b")), ("claim", "no")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(site.desk.text("acme-b").unwrap().ends_with("# by hand\n"));
}

#[tokio::test]
async fn names_and_ids_lead_nowhere_else() {
    let site = Site::with_acme().await;
    for path in ["/c/..%2Facme-b", "/c/nobody", "/c/acme-b/q/cto.nothing", "/c/%2e%2e/q/cto.stages", "/nothing"] {
        assert_eq!(site.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    // A second candidate of the same name gets a file of its own.
    let fields = [("name", "Acme <b>&"), ("kind", "platform"), ("answered_by", "C"), ("date", "2026-11-16")];
    assert_eq!(site.post("/new", &fields).await.1, "/c/acme-b-2");
    let fields = [("name", "../../x"), ("kind", "platform"), ("answered_by", "C"), ("date", "2026-11-16")];
    assert_eq!(site.post("/new", &fields).await.1, "/c/x");
    for (name, value) in [("name", ""), ("kind", "bank"), ("date", "soon"), ("answered_by", " ")] {
        let mut fields = [("name", "Y"), ("kind", "vendor"), ("answered_by", "C"), ("date", "2026-11-16")];
        fields.iter_mut().filter(|f| f.0 == name).for_each(|f| f.1 = value);
        let (status, _, page) = site.post("/new", &fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(page.contains("nothing was saved"), "{name}");
    }
    // A file with errors is shown with them, and left out of the comparison.
    site.desk.0.lock().unwrap().insert("broken".to_owned(), "seatrial-questionnaire: 1\nabout: 3\n".to_owned());
    let (status, page) = site.get("/c/broken").await;
    assert!(status == StatusCode::OK && page.contains("ST0103"), "{page}");
    assert!(site.get("/report").await.1.contains("Left out"));
    let (status, ..) = site.post("/c/broken/q/cto.stages", &[("seen", &site.seen("broken")), ("claim", "no")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Every question can be answered with the keyboard and without a script, and says what it is about.
#[tokio::test]
async fn every_question_has_a_page() {
    let site = Site::with_acme().await;
    for q in seatrial_assessment::questionnaire::QUESTIONS {
        let (status, page) = site.get(&format!("/c/acme-b/q/{}", q.id)).await;
        assert_eq!(status, StatusCode::OK, "{}", q.id);
        assert!(
            page.contains("type=\"radio\"") && !page.contains("<script") && page.contains("name=\"where-0\""),
            "{}",
            q.id
        );
    }
}
