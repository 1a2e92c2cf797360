use super::*;
use proptest::prelude::*;

/// Reads a whole stream in the plainest way that the standard allows: split into lines, then fields.
fn naive(stream: &[u8]) -> Vec<(String, String, bool)> {
    let stream = stream.strip_prefix(&BOM).unwrap_or(stream);
    let mut lines: Vec<Vec<u8>> = vec![Vec::new()];
    let mut bytes = stream.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        match b {
            b'\r' => {
                if bytes.peek() == Some(&b'\n') {
                    bytes.next();
                }
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            b => lines.last_mut().unwrap().push(b),
        }
    }
    let mut out = Vec::new();
    let (mut name, mut data): (Vec<u8>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    let mut emit = |name: &mut Vec<u8>, data: &mut Vec<Vec<u8>>, complete| {
        if !data.is_empty() {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            out.push((text(name), text(&data.join(&b'\n')), complete));
        }
        name.clear();
        data.clear();
    };
    let last = lines.len() - 1;
    for (i, line) in lines.iter().enumerate() {
        if line.is_empty() {
            if i < last {
                emit(&mut name, &mut data, true);
            }
            continue;
        }
        let colon = line.iter().position(|b| *b == b':');
        let field = &line[..colon.unwrap_or(line.len())];
        let mut value = colon.map_or(&[][..], |c| &line[c + 1..]);
        if value.first() == Some(&b' ') {
            value = &value[1..];
        }
        match field {
            b"data" => data.push(value.to_vec()),
            b"event" => name = value.to_vec(),
            _ => {}
        }
    }
    emit(&mut name, &mut data, false);
    out
}

fn scan(chunks: &[&[u8]]) -> Vec<SseEvent> {
    let mut scanner = Scanner::default();
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend(scanner.push(chunk).unwrap());
    }
    out.extend(scanner.finish());
    out
}

fn data(events: &[SseEvent]) -> Vec<&str> {
    events.iter().map(|e| e.data.as_str()).collect()
}

#[test]
fn every_line_ending_and_every_cut() {
    for stream in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r"] {
        let bytes = stream.as_bytes();
        for cut in 0..=bytes.len() {
            let (one, two) = bytes.split_at(cut);
            let events = scan(&[one, two]);
            assert_eq!(data(&events), ["a", "b"], "{stream:?} cut at {cut}");
            assert!(events.iter().all(|e| e.complete));
        }
    }
}

#[test]
fn offsets_are_those_of_the_blank_line() {
    let events = scan(&[b"\xEF\xBB\xBF: hello\n\ndata: a\ndata: b\n\ndata: c"]);
    assert_eq!(data(&events), ["a\nb", "c"]);
    assert_eq!(events.iter().map(|e| (e.end, e.complete)).collect::<Vec<_>>(), [(29, true), (36, false)]);
}

#[test]
fn fields_as_the_standard_has_them() {
    let events = scan(&[b"event: ping\ndata\n\nevent: lost\n\ndata:  two\ndata:x\nid: 1\nretry: 3\n\n"]);
    let got: Vec<_> = events.iter().map(|e| (e.name.as_str(), e.data.as_str())).collect();
    assert_eq!(got, [("ping", ""), ("", " two\nx")]);
}

#[test]
fn a_mark_byte_by_byte_and_a_half_mark() {
    assert_eq!(data(&scan(&[b"\xEF", b"\xBB", b"\xBF", b"data: a\n\n"])), ["a"]);
    assert!(scan(&[b"\xEF", b"\xBBdata: a\n\n"]).is_empty());
}

#[test]
fn an_endless_event_ends() {
    let mut scanner = Scanner::new(64);
    let mut pushed = 0;
    let error = loop {
        match scanner.push(b"data: 0123456789\n") {
            Ok(events) => assert!(events.is_empty()),
            Err(error) => break error,
        }
        pushed += 1;
        assert!(pushed < 10);
    };
    assert_eq!(error, SseError::EventTooLarge { max: 64 });
    let mut comments = Scanner::new(64);
    assert!((0..100).any(|_| comments.push(b": no end in sight").is_err()));
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data".to_vec()),
        Just(b"event:x".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b":".to_vec()),
        Just(b" ".to_vec()),
        Just(BOM.to_vec()),
        Just(vec![0xEF]),
        prop::collection::vec(any::<u8>(), 0..6),
        "[a-z{}\":\u{e9}]{0,8}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn as_the_naive_parser_wherever_it_is_cut(
        pieces in prop::collection::vec(piece(), 0..40),
        cuts in prop::collection::vec(0usize..200, 0..8),
    ) {
        let stream = pieces.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(stream.len())).collect();
        cuts.sort_unstable();
        let mut chunks: Vec<&[u8]> = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&stream[from..cut]);
            from = cut;
        }
        chunks.push(&stream[from..]);
        let events = scan(&chunks);
        let got: Vec<_> = events.iter().map(|e| (e.name.clone(), e.data.clone(), e.complete)).collect();
        prop_assert_eq!(got, naive(&stream));
        prop_assert!(events.windows(2).all(|w| w[0].end < w[1].end));
        prop_assert!(events.iter().all(|e| e.end <= stream.len() as u64));
    }
}
