//! What somebody writes by hand who wants a proxy with a record: it forwards `POST` bodies to one upstream, collects the
//! answer, writes an event and the payloads durably in SQLite (`synchronous=FULL`), and answers only then. One thread
//! writes; all that waits for it shares one transaction. Nothing is checked, no tree is kept, nothing is folded, nothing
//! can be looked up by anything but its place: the least that "durable before the answer" costs, with the guard's bytes.
//!
//! `cargo run --release -p seatrial-gateway --example durable_proxy -- LISTEN UPSTREAM DATABASE EVENT_FILE INPUT OUTPUT`
//!
//! EVENT_FILE holds one event as the guard wrote it; each request writes as many bytes, and of its body and its answer as
//! many as the guard does at the mean (INPUT, OUTPUT). UPSTREAM `-` means that the proxy answers by itself, as the guard
//! does with an embedded model.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rusqlite::{Connection, params};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Upstream = Client<HttpConnector, Full<Bytes>>;

/// As many as the guard's writer lets share one commit.
const GROUP_MAX: usize = 256;

/// As often as the guard's store copies its write-ahead log.
const CHECKPOINT_PAGES: u32 = 4_096;

const FIXED: &[u8] = br#"{"id":"c-1","object":"chat.completion","created":1,"model":"fixed-1","choices":[{"index":0,"message":{"role":"assistant","content":"{\"decision\":\"pre-approve\",\"confidence\":0.97}"},"finish_reason":"stop"}]}"#;

struct Job {
    case: Bytes,
    input: Bytes,
    output: Bytes,
    done: oneshot::Sender<bool>,
}

fn open(path: &str) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;
         CREATE TABLE events (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
         CREATE TABLE payloads (seq INTEGER PRIMARY KEY, event INTEGER NOT NULL, kind TEXT NOT NULL, bytes BLOB NOT NULL);",
    )?;
    conn.query_row(&format!("PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}"), [], |_| Ok(()))?;
    Ok(conn)
}

/// Writes what waits, in one transaction, for ever.
fn write(conn: &Connection, jobs: &Receiver<Job>, event: &[u8]) {
    let mut group = Vec::new();
    while let Ok(job) = jobs.recv() {
        group.push(job);
        while group.len() < GROUP_MAX
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        let written = commit(conn, &group, event).is_ok();
        for job in group.drain(..) {
            let _ = job.done.send(written);
        }
    }
}

fn commit(conn: &Connection, group: &[Job], event: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for job in group {
        conn.prepare_cached("INSERT INTO events (bytes) VALUES (?1)")?.execute([event])?;
        let seq = conn.last_insert_rowid();
        let mut payload = conn.prepare_cached("INSERT INTO payloads (event, kind, bytes) VALUES (?1, ?2, ?3)")?;
        for (kind, bytes) in [("case", &job.case), ("input", &job.input), ("output", &job.output)] {
            payload.execute(params![seq, kind, &bytes[..]])?;
        }
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

#[derive(Clone)]
struct Proxy {
    client: Upstream,
    upstream: Option<Arc<str>>,
    writer: Sender<Job>,
    /// The most bytes that are kept of a request's body, and of its answer.
    kept: [usize; 2],
}

impl Proxy {
    async fn pass(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(match self.forward(request).await {
            Ok(answer) => answer,
            Err(_) => {
                let mut answer = Response::new(Full::default());
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                answer
            }
        })
    }

    async fn forward(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Failure> {
        let (mut parts, body) = request.into_parts();
        let input = body.collect().await?.to_bytes();
        let (head, output) = match &self.upstream {
            None => (Response::new(()).into_parts().0, Bytes::from_static(FIXED)),
            Some(upstream) => {
                let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
                parts.uri = format!("http://{upstream}{path}").parse::<Uri>()?;
                parts.headers.remove(http::header::HOST);
                let answer = self.client.request(Request::from_parts(parts, Full::new(input.clone()))).await?;
                let (head, body) = answer.into_parts();
                (head, body.collect().await?.to_bytes())
            }
        };
        let case = Bytes::from(format!("case_{:032x}", std::process::id()));
        let (done, written) = oneshot::channel();
        let cut = |bytes: &Bytes, max: usize| bytes.slice(..max.min(bytes.len()));
        let [input, kept] = [cut(&input, self.kept[0]), cut(&output, self.kept[1])];
        self.writer.send(Job { case, input, output: kept, done })?;
        if !written.await? {
            return Err("it could not be written".into());
        }
        Ok(Response::from_parts(head, Full::new(output)))
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream, database, event, input, output] = arguments.as_slice() else {
        return Err("usage: durable_proxy LISTEN UPSTREAM DATABASE EVENT_FILE INPUT OUTPUT".into());
    };
    let (conn, event) = (open(database)?, std::fs::read(event)?);
    let (writer, jobs) = channel();
    std::thread::spawn(move || write(&conn, &jobs, &event));
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(256).build(connector);
    let upstream = (upstream != "-").then(|| Arc::from(upstream.as_str()));
    let proxy = Proxy { client, upstream, writer, kept: [input.parse()?, output.parse()?] };
    let listener = TcpListener::bind(listen).await?;
    println!("recording what passes {listen}");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let proxy = proxy.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| proxy.clone().pass(request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
