use super::*;
use seatrial_factory::api::Refused;

const ALL: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

#[test]
fn the_path_says_it_and_never_the_kind_of_credential() {
    let none = HeaderMap::new();
    let mut anthropic = HeaderMap::new();
    anthropic.insert(ANTHROPIC_VERSION, "2023-06-01".parse().unwrap());
    let mut key = HeaderMap::new();
    key.insert("x-api-key", "k".parse().unwrap());
    for (path, headers, wanted) in [
        ("/v1/chat/completions", &none, Dialect::Chat),
        ("/v1/chat/completions", &anthropic, Dialect::Chat),
        ("/v1/responses", &anthropic, Dialect::Responses),
        ("/v1/messages", &none, Dialect::Messages),
        ("/v1/messages/count_tokens", &none, Dialect::Messages),
        ("/v1/models", &none, Dialect::Chat),
        ("/v1/models", &key, Dialect::Chat),
        ("/v1/models", &anthropic, Dialect::Messages),
        ("/v1/files", &anthropic, Dialect::Messages),
        ("/v1/embeddings", &none, Dialect::Chat),
        ("/v1/workflows/w/stop", &anthropic, Dialect::Chat),
    ] {
        assert_eq!(Dialect::of(path, headers), wanted, "{path}");
    }
}

#[test]
fn errors_have_the_shape_and_the_status_that_clients_know() {
    for (refused, openai, anthropic, kind) in [
        (Refused::Unauthenticated, 401, 401, "authentication_error"),
        (Refused::Forbidden("x".to_owned()), 403, 403, "permission_error"),
        (Refused::NotFound("x".to_owned()), 404, 404, "not_found_error"),
        (Refused::Invalid("x".to_owned()), 400, 400, "invalid_request_error"),
        (
            Refused::TooMany { step: "s".to_owned(), limit: "1 a minute".to_owned(), retry_after_s: 7 },
            429,
            429,
            "rate_limit_error",
        ),
        (Refused::NotRecorded("disk".to_owned()), 503, 529, "overloaded_error"),
        (Refused::ModelUnreachable("down".to_owned()), 502, 502, "api_error"),
        (Refused::Internal("x".to_owned()), 500, 500, "api_error"),
    ] {
        let problem = Problem::from(refused);
        assert_eq!(Dialect::Chat.status(&problem).as_u16(), openai);
        assert_eq!(Dialect::Responses.status(&problem).as_u16(), openai);
        assert_eq!(Dialect::Messages.status(&problem).as_u16(), anthropic);
        let body = Dialect::Messages.error_body(&problem, None, "req_1");
        assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(kind)));
        assert_eq!((&body["seatrial"]["code"], &body["request_id"]), (&json!(problem.code), &json!("req_1")));
        let body = Dialect::Chat.error_body(&problem, None, "req_1");
        assert_eq!((&body["error"]["code"], &body["error"]["param"]), (&json!(problem.code), &Value::Null));
        assert_eq!(body, Dialect::Responses.error_body(&problem, None, "req_1"));
    }
}

fn data(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.ends_with("\n\n"));
    text.lines().filter_map(|l| l.strip_prefix("data: ")).filter_map(|d| serde_json::from_str(d).ok()).collect()
}

#[test]
fn what_was_open_is_closed_and_then_comes_the_error() {
    let problem =
        Problem::new(StatusCode::FORBIDDEN, "policy_denied", "content_filter", "denied; the rest did not leave");
    let new = |dialect| Progress::new(dialect, "id-0".to_owned(), "w/s".to_owned(), 7);
    let mut chat = new(Dialect::Chat);
    chat.saw(b"data: {\"id\":\"c-9\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{}},{\"index\":1,\"delta\":{}}]}\n\n");
    chat.saw(b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    let end = chat.cut(&problem, None, "req_1");
    let events = data(&end);
    assert_eq!((&events[0]["id"], &events[0]["choices"][0]["index"]), (&json!("c-9"), &json!(1)));
    assert_eq!(events[0]["choices"][0]["finish_reason"], "content_filter");
    assert_eq!((events.len(), &events[1]["error"]["code"]), (2, &json!("content_filter")));
    assert!(end.ends_with(b"data: [DONE]\n\n"));

    let mut messages = new(Dialect::Messages);
    messages.saw(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":3,\"content_block\":{}}\n\n");
    let events = data(&messages.cut(&problem, None, "req_1"));
    let types: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["content_block_stop", "message_delta", "error"]);
    assert_eq!((&events[0]["index"], &events[1]["delta"]["stop_reason"]), (&json!(3), &json!("refusal")));

    let mut responses = new(Dialect::Responses);
    responses.saw(b"event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r-9\"}}\n\n");
    let events = data(&responses.cut(&problem, None, "req_1"));
    assert_eq!(events[0]["response"]["incomplete_details"]["reason"], "content_filter");
    assert_eq!((&events[0]["response"]["id"], &events[0]["sequence_number"]), (&json!("r-9"), &json!(1)));
    assert_eq!((&events[1]["type"], &events[1]["sequence_number"]), (&json!("error"), &json!(2)));

    // Of a stream that never began, only the error is said, and a choice that chat clients wait for.
    assert_eq!(data(&new(Dialect::Messages).cut(&problem, None, "r")).len(), 1);
    assert_eq!(data(&new(Dialect::Responses).cut(&problem, None, "r")).len(), 1);
    assert_eq!(data(&new(Dialect::Chat).cut(&problem, None, "r")).len(), 2);
}

#[test]
fn hostile_events_change_nothing() {
    for dialect in ALL {
        let mut progress = Progress::new(dialect, "i".to_owned(), "m".to_owned(), 1);
        for raw in [
            &b""[..],
            b"data: 7\n\n",
            b"data: {\"choices\":7,\"id\":{}}\n\n",
            b"\xff\xfe",
            b"data: {\"sequence_number\":-1,\"type\":[]}\n\n",
        ] {
            progress.saw(raw);
        }
        let problem = Problem::invalid("x; nothing was done");
        assert!(!progress.cut(&problem, None, "r").is_empty() && !progress.fail(&problem, None, "r").is_empty());
    }
}

#[test]
fn signs_of_life_are_passed_over() {
    let mut scanner = seatrial_upstream::sse::Scanner::default();
    assert!(scanner.push(&Dialect::Chat.keep_alive()).unwrap().is_empty());
    assert!(scanner.push(&Dialect::Responses.keep_alive()).unwrap().is_empty());
    let events = scanner.push(&Dialect::Messages.keep_alive()).unwrap();
    assert_eq!((events.len(), events[0].name.as_str()), (1, "ping"));
}
