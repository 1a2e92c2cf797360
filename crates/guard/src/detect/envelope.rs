//! Where a match may still be under way: for each detector a regular expression that goes on as long as any match of
//! the detector can. It may go on for longer; then a stream holds back more than it has to, never less.

use super::{Detector, URL_BEGINS, emails, numbers, secrets};

impl Detector {
    /// Expressions over the folded text. From the first character of anything that the detector finds on, one of them
    /// is not at its end before what follows can no longer change the finding.
    pub(crate) fn envelopes(&self) -> Vec<String> {
        match self {
            Self::Email => vec![emails::ENVELOPE.to_owned()],
            Self::Phone => vec![numbers::phone_pattern().to_owned()],
            Self::Iban => vec![numbers::iban_pattern().to_owned()],
            Self::CardNumber => vec![numbers::digits_pattern().to_owned()],
            Self::NationalId => vec![numbers::national_id_pattern().to_owned()],
            Self::IpAddress => vec![numbers::ip_pattern().to_owned()],
            Self::Url => vec![format!("{URL_BEGINS}{URL_GOES_ON}*")],
            Self::Secret => secrets::ENVELOPES.iter().map(|e| (*e).to_owned()).collect(),
            Self::Own(regex) => vec![regex.as_str().to_owned()],
        }
    }

    /// Whether it is an expression of the user's own, which is for the text as written, too.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }
}

/// What the rest of an address is made of.
const URL_GOES_ON: &str = r#"[^\s<>"'`{}|\\^\[\]]"#;
