//! A page that says what was not done and what to do.

use super::frame::{Place, page};
use crate::text::prose;
use crate::view::Frame;
use maud::{Markup, html};

/// A page for a request that came to nothing.
#[must_use]
pub fn problem(frame: &Frame, title: &str, what: &str, back: Option<(&str, &str)>) -> Markup {
    let body = html! {
        div .narrow {
            h1 { (title) }
            p .lead { (prose(what)) }
            @if let Some((href, name)) = back { p { a .button href=(href) { (name) } } }
        }
    };
    page(frame, Place::Elsewhere, title, &body)
}
