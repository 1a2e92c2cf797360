//! The client against real sockets: what providers do, and what they do wrong.

mod client;
mod faults;
mod live;
mod speaks;
#[cfg(test)]
mod support;
