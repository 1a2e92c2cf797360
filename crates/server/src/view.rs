//! What the pages show: plain data, made elsewhere, with no behaviour but small sums.
//!
//! Text that a caller, a model or a person supplied is [`seatrial_model::Untrusted`] here; text of a spec is a
//! `String`, and the pages make its invisible characters visible all the same.

mod assure;
mod board;
mod decision;
mod frame;
mod govern;
mod log;
mod operate;
mod ownership;
mod review;

pub use assure::*;
pub use board::*;
pub use decision::*;
pub use frame::*;
pub use govern::*;
pub use log::*;
pub use operate::*;
pub use ownership::*;
pub use review::*;
