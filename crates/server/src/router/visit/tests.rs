use super::*;
use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
}

#[test]
fn only_our_own_addresses_are_gone_to() {
    for good in ["/", "/w/claims/reviews?role=x", "/w/a/log?before=3"] {
        assert_eq!(local(good), good);
    }
    for bad in [
        "",
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/a\r\nb: c",
    ] {
        assert_eq!(local(bad), "/", "{bad}");
    }
}

#[test]
fn a_form_from_elsewhere_is_refused() {
    assert!(from_here(&headers(&[("sec-fetch-site", "same-origin"), ("origin", "http://x"), ("host", "y")])));
    assert!(from_here(&headers(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")])));
    assert!(from_here(&headers(&[("host", "127.0.0.1:8080")])));
    for bad in [
        headers(&[("sec-fetch-site", "cross-site")]),
        headers(&[("sec-fetch-site", "same-site")]),
        headers(&[("origin", "null"), ("host", "a")]),
        headers(&[("origin", "http://evil.example"), ("host", "a")]),
    ] {
        assert!(!from_here(&bad), "{bad:?}");
    }
}

#[test]
fn the_cookie_is_found_among_others_and_by_its_whole_name() {
    let all = headers(&[("cookie", "a=1; xseatrial=no; seatrial=yes; seatrial2=no")]);
    assert_eq!(cookie(&all, "seatrial"), Some("yes"));
    assert_eq!(cookie(&all, "seatria"), None);
    assert_eq!(cookie(&HeaderMap::new(), "seatrial"), None);
}

proptest! {
    #[test]
    fn no_text_leads_elsewhere(to in "[/\\\\a-z:@.?#%\\r\\n\\t ]{0,30}") {
        let to = local(&to);
        prop_assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'));
        prop_assert!(HeaderValue::from_str(&to).is_ok());
    }
}
