//! Control API, sessions and web pages; thin over the factory.
//!
//! [`view`] holds what the pages show as plain data, [`pages`] turns it into markup, and [`router`] serves it.
//! The pages need no JavaScript for anything essential; the small modules in `assets/` refresh what is shown
//! and give keys to those who answer many reviews.

pub mod assets;
pub mod chart;
pub mod headers;
pub mod live;
pub mod pages;
pub mod text;
pub mod view;

