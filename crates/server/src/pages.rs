//! Pages: a view in, markup out. Nothing here asks anybody anything.

mod assessment;
mod board;
mod certificate;
pub mod commands;
mod decision;
mod decisions;
mod frame;
mod log;
mod obligation;
mod overview;
pub mod parts;
mod payload;
mod problem;
mod review;
mod reviews;
mod sign_in;
mod sprint;

pub use assessment::assessment;
pub use board::board;
pub use certificate::certificate;
pub use decision::decision;
pub use decisions::decisions;
pub use frame::{Place, page};
pub use log::log;
pub use obligation::obligation;
pub use overview::overview;
pub use problem::problem;
pub use review::{ReviewForm, review};
pub use reviews::reviews;
pub use sign_in::{SignInNote, sign_in};
pub use sprint::sprint;
