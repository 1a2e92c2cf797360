//! Amounts of money, exact.

use std::fmt;

/// Millionths of a unit: prices are written with up to six decimals.
const MICROS: u64 = 1_000_000;

/// An amount in one currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: u64,
    /// The currency: three capital letters.
    pub currency: String,
}

impl Money {
    /// Reads an amount and a currency: `50 EUR`, `0.15 USD`. At most six decimals, and less than a billion.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (amount, currency) = text.split_once(' ')?;
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits = |s: &str, most: usize| (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 9) || !digits(part, 6) {
            return None;
        }
        let micros = whole.parse::<u64>().ok()? * MICROS + format!("{part:0<6}").parse::<u64>().ok()?;
        Some(Self { micros, currency: currency.to_owned() })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.micros / MICROS, self.micros % MICROS);
        let part = format!("{part:06}");
        match part.trim_end_matches('0') {
            "" => write!(f, "{whole} {}", self.currency),
            part => write!(f, "{whole}.{part:0<2} {}", self.currency),
        }
    }
}

/// What a model's tokens cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Price {
    /// A million input tokens, in millionths of the currency's unit.
    pub input_micros: u64,
    /// A million output tokens.
    pub output_micros: u64,
    /// The currency of both.
    pub currency: String,
}

impl Price {
    /// What so many tokens cost, in millionths of the currency's unit, rounded up.
    #[must_use]
    pub fn of(&self, input: u64, output: u64) -> u64 {
        let one = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = one(input, self.input_micros).saturating_add(one(output, self.output_micros));
        u64::try_from(sum.div_ceil(u128::from(MICROS))).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
