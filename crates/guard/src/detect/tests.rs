use super::*;

fn found<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
    Detector::named(name).unwrap().find(text).into_iter().map(|r| &text[r]).collect()
}

#[test]
fn every_pattern_compiles_and_every_name_resolves() {
    for name in NAMES {
        let detector = Detector::named(name).unwrap();
        assert_eq!(detector.name(), name);
        assert!(detector.find("").is_empty());
        // Texts that reach every lazily compiled pattern.
        let _ = detector.find("1.2.3.4.5 ::1: 600 123 456 +34 600 123 456 x@y.zz AB12 1234 5678 9012 3456");
    }
    assert!(Detector::named("aura").is_none());
}

#[test]
fn emails() {
    assert_eq!(found("email", "mail ana.b+c@sub.bank.example, or <x@y.es>."), ["ana.b+c@sub.bank.example", "x@y.es"]);
    assert_eq!(found("email", "josé@münchen.example"), ["josé@münchen.example"]);
    assert!(found("email", "a @ b, a@b, @bank.example, a@.example").is_empty());
}

#[test]
fn cards_need_their_check_digit() {
    assert_eq!(found("card-number", "pay 4111-1111-1111-1111 now"), ["4111-1111-1111-1111"]);
    assert_eq!(
        found("card-number", "378282246310005 and 5555 5555 5555 4444"),
        ["378282246310005", "5555 5555 5555 4444"]
    );
    assert!(found("card-number", "4111 1111 1111 1112, 0000000000000000, 411111111111").is_empty());
    // Behind other digits, in other scripts, with characters of no width.
    assert_eq!(found("card-number", "ref 1 4111111111111111"), ["4111111111111111"]);
    assert_eq!(found("card-number", "４１１１ １１１１ １１１１ １１１１"), ["４１１１ １１１１ １１１１ １１１１"]);
    assert_eq!(
        found("card-number", "4111\u{200b}1111\u{200b}1111\u{2011}1111"),
        ["4111\u{200b}1111\u{200b}1111\u{2011}1111"]
    );
}

#[test]
fn ibans_need_their_check_digits() {
    assert_eq!(found("iban", "to DE89 3704 0044 0532 0130 00 please"), ["DE89 3704 0044 0532 0130 00"]);
    assert_eq!(
        found("iban", "gb82west12345698765432, ES9121000418450200051332"),
        ["gb82west12345698765432", "ES9121000418450200051332"]
    );
    assert!(found("iban", "DE89 3704 0044 0532 0130 01").is_empty());
}

#[test]
fn phones_are_not_dates_or_prices() {
    for phone in [
        "+34 600 123 456",
        "+1 (555) 123-4567",
        "0049 30 123456",
        "600 123 456",
        "555-123-4567",
        "(030) 123456",
        "0612345678",
    ] {
        assert_eq!(found("phone", &format!("call {phone}, thanks")), [phone], "{phone}");
    }
    for other in ["2026-11-23", "23.11.2026", "12.50", "1 000", "10:30", "10.0.0.1", "v1.2.3"] {
        assert!(found("phone", other).is_empty(), "{other}");
    }
}

#[test]
fn national_ids_need_what_they_check() {
    assert_eq!(found("national-id", "DNI 12345678Z, NIE X1234567L"), ["12345678Z", "X1234567L"]);
    assert_eq!(found("national-id", "SSN 123-45-6789, NINO AB 12 34 56 C"), ["123-45-6789", "AB 12 34 56 C"]);
    assert!(found("national-id", "12345678A 000-12-3456 666-12-3456 123-00-6789").is_empty());
}

#[test]
fn ip_addresses_parse() {
    assert_eq!(found("ip-address", "from 10.0.0.1: refused, at 255.255.255.255."), ["10.0.0.1", "255.255.255.255"]);
    assert_eq!(
        found("ip-address", "fe80::1, 2001:db8::8a2e:370:7334 and ::1"),
        ["fe80::1", "2001:db8::8a2e:370:7334", "::1"]
    );
    assert!(found("ip-address", "256.1.1.1 at 10:30:15, a::, C++ std::string").iter().all(|t| *t == "a::"));
}

#[test]
fn urls() {
    assert_eq!(
        found("url", "see https://a.example/b?c=d (or www.x.example)"),
        ["https://a.example/b?c=d", "www.x.example)"]
    );
}

#[test]
fn secrets_by_shape_and_by_entropy() {
    // Put together here, so that no scanner takes this file for a leak.
    let shapes = [
        format!("AKIA{}", "ABCDEFGH234567KL"),
        format!("ghp_{}", "a1B2".repeat(9)),
        format!("sk-{}", "proj-abcdefghij0123456789"),
        format!("xoxb-{}", "123456789012-abcdef"),
        format!("-----BEGIN {}-----\nMIIB\n-----END {0}-----", "RSA PRIVATE KEY"),
    ];
    for secret in shapes {
        let text = format!("it is {secret} .");
        assert_eq!(found("secret", &text), [secret.as_str()]);
    }
    assert_eq!(found("secret", "api_key = 'a8Zk2Lq9Xw4Rt7Yp'"), ["a8Zk2Lq9Xw4Rt7Yp"]);
    assert_eq!(found("secret", "Authorization: Bearer a8Zk2Lq9Xw4Rt7Yp"), ["a8Zk2Lq9Xw4Rt7Yp"]);
    assert!(found("secret", "The password: was forgotten yesterday; the token is unavailable").is_empty());
}

#[test]
fn own_expressions_are_bounded() {
    let own = Detector::own(r"(?i)case-\d{4}").unwrap();
    assert_eq!(own.find("See CASE-1234 and case-９９９９").len(), 2);
    for bad in ["(", "a*", "", r"\w{1000}{1000}{10}", r"(?=x)y"] {
        assert!(Detector::own(bad).is_err(), "{bad}");
    }
}

#[test]
fn long_hostile_texts_end() {
    for text in [
        "4".repeat(300_000),
        "1 ".repeat(150_000),
        "a@".repeat(100_000),
        ":".repeat(200_000),
        "DE89".repeat(60_000),
        "AA11 ".repeat(50_000),
    ] {
        for name in NAMES {
            assert!(Detector::named(name).unwrap().find(&text).len() <= SPANS_MAX);
        }
    }
}

#[test]
fn overlaps_are_one_place() {
    let detectors = [Detector::Url, Detector::Email];
    let text = "https://x.example/?m=ana@bank.example ok";
    let found = find_all(&detectors, text);
    assert_eq!(found.len(), 1);
    assert_eq!(&text[found[0].1.clone()], "https://x.example/?m=ana@bank.example");
}
