use super::*;

#[test]
fn amounts_are_exact() {
    for (text, micros, shown) in [
        ("50 EUR", 50_000_000, "50 EUR"),
        ("0.15 USD", 150_000, "0.15 USD"),
        ("0.000001 EUR", 1, "0.000001 EUR"),
        ("3.5 EUR", 3_500_000, "3.50 EUR"),
        ("0 EUR", 0, "0 EUR"),
    ] {
        let money = Money::parse(text).unwrap();
        assert_eq!((money.micros, money.to_string().as_str()), (micros, shown));
    }
    for no in
        ["50", "50EUR", "50 eur", "-1 EUR", "1e3 EUR", "1. EUR", ".5 EUR", "0.0000001 EUR", "50 EUR a day", "NaN EUR"]
    {
        assert_eq!(Money::parse(no), None, "{no}");
    }
}

#[test]
fn costs_are_rounded_up_and_never_overflow() {
    let price = Price { input_micros: 500_000, output_micros: 1_500_000, currency: "EUR".to_owned() };
    assert_eq!(price.of(1_000_000, 1_000_000), 2_000_000);
    assert_eq!(price.of(1, 0), 1, "half a millionth is one");
    assert_eq!(price.of(0, 0), 0);
    assert_eq!(price.of(u64::MAX, u64::MAX), u64::MAX);
}
