//! A closed-loop load generator: so many connections, each sending the next request when it has the answer. Prints
//! requests a second, median and 99th percentile of the latency, how many answers were not 200, and of those how many
//! were a verdict on the request (400 and 403 with `x-seatrial-verdict`) instead of a fault.
//!
//! `cargo run --release -p seatrial-gateway --example load -- URL CONNECTIONS SECONDS BODY_FILE [HEADER: VALUE]…`
//! sends BODY_FILE, or, where its name ends in `.jsonl`, its lines in turn.
//!
//! `… load -- --serve LISTEN` answers every request with one small chat completion, streamed where that is asked: the
//! upstream for the comparison. `… load -- --hold CONNECTIONS URL BODY_FILE [HEADER: VALUE]…` sends one request on each
//! connection, and holds all of them open.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use bytes::Bytes;
use futures_util::stream::Iter;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::IntoIter;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: load URL CONNECTIONS SECONDS BODY_FILE [HEADER: VALUE]… | load --serve LISTEN | load --hold CONNECTIONS URL BODY_FILE [HEADER: VALUE]…";

type Answer = Either<Full<Bytes>, StreamBody<Iter<IntoIter<Result<Frame<Bytes>, Infallible>>>>>;

const COMPLETION: &str = r#"{"id":"c-1","object":"chat.completion","created":1,"model":"fixed-1","choices":[{"index":0,"message":{"role":"assistant","content":"{\"decision\":\"pre-approve\",\"confidence\":0.97}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":10,"total_tokens":30}}"#;

#[derive(Clone)]
struct Load {
    url: Uri,
    bodies: Arc<[Bytes]>,
    headers: HeaderMap,
    until: Instant,
}

#[derive(Default)]
struct Seen {
    micros: Vec<u64>,
    not_ok: u64,
    verdicts: u64,
}

async fn connection(load: Load, first: usize) -> Result<Seen, Failure> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    // A client of its own for each task: exactly one connection.
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let mut seen = Seen::default();
    let mut bodies = load.bodies.iter().cycle().skip(first);
    while Instant::now() < load.until {
        let mut request = Request::new(Full::new(bodies.next().cloned().unwrap_or_default()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = load.url.clone();
        *request.headers_mut() = load.headers.clone();
        let begun = Instant::now();
        let response = client.request(request).await?;
        let status = response.status();
        let verdict = response.headers().contains_key("x-seatrial-verdict");
        response.into_body().collect().await?;
        seen.micros.push(u64::try_from(begun.elapsed().as_micros())?);
        if status != StatusCode::OK {
            seen.not_ok += 1;
            seen.verdicts += u64::from(verdict && status.is_client_error());
        }
    }
    Ok(seen)
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let (name, value) = text.split_once(':').ok_or("a header is written `NAME: VALUE`")?;
    Ok((name.trim().parse()?, value.trim().parse()?))
}

fn bodies(file: &str) -> Result<Arc<[Bytes]>, Failure> {
    let all = Bytes::from(std::fs::read(file)?);
    if !file.ends_with(".jsonl") {
        return Ok(Arc::from([all]));
    }
    Ok(all.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| all.slice_ref(line)).collect())
}

async fn run(arguments: &[String]) -> Result<(), Failure> {
    let [url, connections, seconds, body, headers @ ..] = arguments else {
        return Err(USAGE.into());
    };
    let mut map = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for text in headers {
        let (name, value) = header(text)?;
        map.insert(name, value);
    }
    let time = Duration::from_secs(seconds.parse()?);
    let load = Load { url: url.parse()?, bodies: bodies(body)?, headers: map, until: Instant::now() + time };
    let begun = Instant::now();
    let connections: usize = connections.parse()?;
    let tasks: Vec<_> = (0..connections).map(|n| tokio::spawn(connection(load.clone(), n * 31))).collect();
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await??;
        all.micros.extend(seen.micros);
        all.not_ok += seen.not_ok;
        all.verdicts += seen.verdicts;
    }
    let took = begun.elapsed();
    all.micros.sort_unstable();
    let percentile = |p: usize| all.micros.get((all.micros.len() * p / 100).min(all.micros.len().saturating_sub(1)));
    println!(
        "{url}: {:.0} req/s with {connections} connections, p50 {} µs, p99 {} µs, {} answers, {} not 200 ({} of them verdicts)",
        f64::from(u32::try_from(all.micros.len())?) / took.as_secs_f64(),
        percentile(50).copied().unwrap_or(0),
        percentile(99).copied().unwrap_or(0),
        all.micros.len(),
        all.not_ok,
        all.verdicts,
    );
    Ok(())
}

/// The same answer as a stream: the head, a delta for each few bytes, the end.
fn events() -> Vec<Bytes> {
    let event = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"fixed-1\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut events = vec![event(r#"{"role":"assistant","content":""}"#, "null")];
    for piece in ["{\"deci", "sion\":", "\"pre-a", "pprove", "\",\"conf", "idence", "\":0.97}"] {
        let content = serde_json::Value::from(piece);
        events.push(event(&format!("{{\"content\":{content}}}"), "null"));
    }
    events.push(event("{}", "\"stop\""));
    events.push("data: [DONE]\n\n".to_owned());
    events.into_iter().map(Bytes::from).collect()
}

async fn fixed(request: Request<Incoming>, events: Arc<[Bytes]>) -> Result<Response<Answer>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let streamed = body.windows(13).any(|found| found == b"\"stream\":true");
    let (kind, body) = if streamed {
        let frames: Vec<_> = events.iter().cloned().map(|event| Ok(Frame::data(event))).collect();
        ("text/event-stream", Either::Right(StreamBody::new(futures_util::stream::iter(frames))))
    } else {
        ("application/json", Either::Left(Full::new(Bytes::from_static(COMPLETION.as_bytes()))))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

async fn serve(listen: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await?;
    println!("answering on {listen}");
    let events: Arc<[Bytes]> = events().into();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let events = Arc::clone(&events);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| fixed(request, Arc::clone(&events)));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Opens connections, sends one request on each, and holds them open until the standard input ends.
async fn hold(arguments: &[String]) -> Result<(), Failure> {
    let [connections, url, body, headers @ ..] = arguments else { return Err(USAGE.into()) };
    let (bodies, uri) = (bodies(body)?, url.parse::<Uri>()?);
    let address = uri.authority().ok_or("the address has no host")?.to_string();
    let mut head = format!("POST {} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n", uri.path());
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    let mut held = Vec::new();
    for (_, body) in (0..connections.parse::<usize>()?).zip(bodies.iter().cycle()) {
        let mut stream = tokio::net::TcpStream::connect(&address).await?;
        stream.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = vec![0; 65_536];
        let n = stream.read(&mut answer).await?;
        if !answer.get(..n).unwrap_or_default().starts_with(b"HTTP/1.1 ") {
            return Err("a connection was refused".into());
        }
        held.push(stream);
    }
    println!("holding {}", held.len());
    tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop)).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, listen] if flag == "--serve" => serve(listen).await,
        [flag, rest @ ..] if flag == "--hold" => hold(rest).await,
        other => run(other).await,
    }
}
