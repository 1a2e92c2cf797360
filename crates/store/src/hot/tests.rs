use super::*;

#[test]
fn what_was_written_is_read_and_written_once() {
    let hot = Hot::default();
    assert_eq!(hot.get(1, "tally", b"a"), None);
    hot.learn(1, "tally", b"a", Some(b"1"));
    hot.put(1, "tally", b"a", Some(b"2"));
    hot.put(1, "tally", b"a", Some(b"3"));
    hot.put(1, "tally", b"b", None);
    assert_eq!(hot.get(1, "tally", b"a"), Some(Some(b"3".to_vec())));
    assert_eq!(hot.get(1, "tally", b"b"), Some(None));
    assert_eq!(hot.get(2, "tally", b"a"), None, "another log's");
    let changes = hot.take_changes(1, None);
    let wanted = [("tally".to_owned(), b"a".to_vec(), Some(b"3".to_vec())), ("tally".to_owned(), b"b".to_vec(), None)];
    assert_eq!(changes, wanted);
    assert_eq!(hot.take_changes(1, None), []);
    assert_eq!(hot.get(1, "tally", b"a"), Some(Some(b"3".to_vec())), "it is still held");
}

#[test]
fn what_nobody_reads_is_not_held() {
    let hot = Hot::default();
    hot.put(1, "decision", b"x", Some(b"long"));
    assert_eq!(hot.take_changes(1, Some("tally")), []);
    assert_eq!(hot.take_changes(1, Some("decision")).len(), 1);
    assert_eq!(hot.get(1, "decision", b"x"), None);
    hot.learn(1, "decision", b"y", Some(&vec![0; ROW_BYTES_MAX + 1]));
    assert_eq!(hot.get(1, "decision", b"y"), None, "too long to be held");
    for n in 0..=ROWS_MAX {
        hot.learn(1, "tally", &n.to_be_bytes(), None);
    }
    hot.trim();
    assert_eq!(hot.get(1, "tally", &0_usize.to_be_bytes()), None);
}

#[test]
fn a_stamp_changes_with_its_table_and_never_comes_back() {
    let hot = Hot::default();
    let (stop, other) = (hot.stamp(1, "stop"), hot.stamp(2, "stop"));
    hot.put(1, "tally", b"a", Some(b"1"));
    assert_eq!(hot.stamp(1, "stop"), stop);
    hot.put(1, "stop", b"", Some(b"{}"));
    let stopped = hot.stamp(1, "stop");
    assert_ne!(stopped, stop);
    assert_eq!(hot.stamp(2, "stop"), other);
    // The change is taken back: what was seen of it is no longer so.
    hot.forget();
    let after = hot.stamp(1, "stop");
    assert!(after != stopped && after != stop && hot.stamp(2, "stop") != other);
    assert_eq!(hot.get(1, "stop", b""), None);
    hot.learn(1, "stop", b"", None);
    assert_eq!(hot.stamp(1, "stop"), after, "reading changes nothing");
}
