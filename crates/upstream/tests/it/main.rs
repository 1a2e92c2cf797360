//! The client against real sockets: what providers do, and what they do wrong.

mod client;
mod faults;
#[cfg(test)]
mod live;
#[cfg(test)]
mod speaks;
#[cfg(test)]
mod support;
