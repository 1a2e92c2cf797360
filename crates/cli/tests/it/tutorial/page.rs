//! A person at the pages: signs in by the link that `serve` printed, opens the queue, and answers by the form. The pages
//! work without scripts, so `curl` can sit there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// `PERSON: ANSWER WHY`.
pub fn answer(heard: &str, asked: &str) {
    let (person, rest) = asked.split_once(": ").unwrap();
    let (answer, why) = rest.split_once(' ').unwrap();
    let line = heard
        .lines()
        .rfind(|l| l.contains(&format!("sign in as {person}")))
        .unwrap_or_else(|| panic!("no link was printed"));
    let link = line.split_whitespace().last().unwrap();
    let browser = Browser { folder: tempfile::tempdir().unwrap(), origin: link.split("/sign-in").next().unwrap() };
    let welcome = browser.get(link.strip_prefix(browser.origin).unwrap());
    let overview = browser.post("/sign-in", &hidden(&welcome));
    let workflow = attribute(&overview, "href=\"/w/").unwrap_or_else(|| panic!("no workflow is listed"));
    let workflow = format!("/w/{}", workflow.split(['/', '?']).next().unwrap());
    let queue = browser.get(&format!("{workflow}/reviews"));
    let review =
        attribute(&queue, &format!("href=\"{workflow}/reviews/")).unwrap_or_else(|| panic!("no review is open"));
    let path = format!("{workflow}/reviews/{review}");
    let page = browser.get(&path);
    let form = page.split("<form class=\"answer\"").nth(1).and_then(|f| f.split("</form>").next());
    let mut fields = hidden(form.unwrap_or_else(|| panic!("it cannot be answered")));
    fields.insert("answer".to_owned(), answer.to_owned());
    fields.insert("reason".to_owned(), why.to_owned());
    browser.post(&format!("{path}/answer"), &fields);
    let answered = browser.get(&path);
    assert!(!answered.contains("<form class=\"answer\"") && answered.contains(why), "{answered}");
}

struct Browser<'l> {
    /// Where its cookies are.
    folder: tempfile::TempDir,
    origin: &'l str,
}

impl Browser<'_> {
    fn get(&self, path: &str) -> String {
        self.curl(path, &[])
    }

    /// Sends a form, and follows to the page after it.
    fn post(&self, path: &str, fields: &BTreeMap<String, String>) -> String {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut args = vec!["--location".to_owned(), "--header".to_owned(), format!("origin: {}", self.origin)];
        args.extend(fields.into_iter().flat_map(|field| ["--data-urlencode".to_owned(), field]));
        self.curl(path, &args)
    }

    fn curl(&self, path: &str, args: &[String]) -> String {
        let jar: &Path = &self.folder.path().join("cookies");
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail-with-body", "--cookie"])
            .arg(jar)
            .arg("--cookie-jar")
            .arg(jar);
        let ran = command.args(args).arg(format!("{}{path}", self.origin)).output().unwrap();
        let text = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success(), "{path}: {text}{}", String::from_utf8_lossy(&ran.stderr));
        text
    }
}

/// What follows this, up to the quote.
fn attribute(html: &str, start: &str) -> Option<String> {
    html.split(start).nth(1)?.split('"').next().map(str::to_owned)
}

/// Hidden fields with their values.
fn hidden(html: &str) -> BTreeMap<String, String> {
    let inputs = html.split("<input type=\"hidden\" ").skip(1);
    inputs.filter_map(|i| Some((attribute(i, "name=\"")?, attribute(i, "value=\"")?))).collect()
}
