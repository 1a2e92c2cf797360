//! Signing in with a one-time link, or with a token of one's own.

use super::commands;
use super::frame::{Place, mark, page};
use super::parts::{command, encode};
use crate::view::Frame;
use maud::{Markup, html};

/// What to say above the form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignInNote {
    /// Nothing happened yet.
    None,
    /// The link or token is not valid.
    Refused,
    /// The session has ended.
    Ended,
    /// Signed out just now.
    SignedOut,
}

/// The page. With a `token` from a one-time link it asks for one click only: a link that is merely fetched (by
/// a mail scanner, a preview) must not use the token up.
#[must_use]
pub fn sign_in(frame: &Frame, token: Option<&str>, to: &str, note: SignInNote, sso: bool) -> Markup {
    let body = html! {
        div .sign-in {
            div .emblem { (mark()) }
            h1 { "Come aboard" }
            (said(note))
            @if sso && token.is_none() {
                p { a .button .primary href=(format!("/sign-in/sso?to={}", encode(to))) { "Sign in with single sign-on" } }
                p .muted { "or with a token of your own:" }
            }
            form method="post" action="/sign-in" {
                input type="hidden" name="to" value=(to);
                @if let Some(token) = token {
                    input type="hidden" name="token" value=(token);
                    p { "Your link is good for one sign-in from this browser." }
                    button .primary type="submit" autofocus { "Sign in" }
                } @else {
                    label for="token" { "Your token" }
                    input #token type="password" name="token" required autocomplete="current-password" spellcheck="false" autofocus;
                    button .primary type="submit" { "Sign in" }
                }
            }
            @if token.is_none() {
                div .aside {
                    p { "No token? Whoever runs this factory issues one, or passes you a link that works once:" }
                    p { (command(commands::TOKEN)) }
                }
            }
        }
    };
    page(frame, Place::Elsewhere, "Sign in", &body)
}

fn said(note: SignInNote) -> Markup {
    html! {
        @match note {
            SignInNote::None => {}
            SignInNote::Refused => p .note .bad role="alert" { "That token is not valid, was used before, or has expired. Nobody was signed in. Ask for a new link." }
            SignInNote::Ended => p .note role="alert" { "Your session has ended. Nothing you entered was saved; sign in to go on." }
            SignInNote::SignedOut => p .note role="status" { "You are signed out." }
        }
    }
}

/// Back from the provider and signed in. A page and no redirect: the session's cookie is sent with nothing that another
/// site began, so the way into our pages begins here.
#[must_use]
pub fn signed_in(frame: &Frame, to: &str) -> Markup {
    let body = html! {
        div .sign-in {
            div .emblem { (mark()) }
            h1 { "Signed in" }
            p { a .button .primary href=(to) { "Go on" } }
        }
    };
    page(frame, Place::Elsewhere, "Signed in", &body)
}
