use super::*;

#[test]
fn the_first_event_is_found_however_its_lines_end() {
    for blank in ["\n\n", "\r\n\r\n", "\r\r"] {
        let first = format!("event: a{}data: 1{blank}", &blank[..blank.len() / 2]);
        let all = format!("{first}data: 2{blank}");
        for cut in 0..all.len() {
            let (head, tail) = all.split_at(cut);
            let chunks = [Bytes::from(head.to_owned()), Bytes::from(tail.to_owned())];
            let (one, rest) = first_event(&chunks);
            assert_eq!((&one[..], [&one[..], &rest[..]].concat()), (first.as_bytes(), all.clone().into_bytes()));
        }
    }
    assert_eq!(first_event(&[]), (Bytes::new(), Bytes::new()));
}
