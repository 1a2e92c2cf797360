//! Control API, sessions and web pages; thin over the factory.
//!
//! [`view`] holds what the pages show as plain data, [`pages`] turns it into markup, and [`router`] serves it.
//! The pages need no JavaScript for anything essential; the small modules in `assets/` refresh what is shown
//! and give keys to those who answer many reviews.

mod answer;
pub mod assets;
pub mod backend;
pub mod chart;
pub mod factory;
pub mod headers;
pub mod live;
pub mod pages;
pub mod questionnaire;
mod router;
pub mod session;
pub mod sso;
pub mod text;
pub mod view;

pub use backend::{Backend, LogReader, Person, Problem, SignedWith};
pub use factory::FactoryBackend;
pub use router::{AppState, Options, router};
pub use session::{Sessions, SessionsError};
pub use sso::Web;
