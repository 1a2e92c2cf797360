//! Logs: to standard error, few, and with nothing in them that somebody said.

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a line of the log looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether a line may appear, whatever SEATRIAL_LOG says: at `debug` and below, the libraries quote the heads of
/// requests, and keys with them.
fn ours(target: &str, level: LevelFilter) -> bool {
    target.starts_with("seatrial") || level <= LevelFilter::INFO
}

/// Starts logging. What a command has to say, it says itself, so only warnings are shown unless SEATRIAL_LOG asks for
/// more.
pub(crate) fn start(format: LogFormat) {
    let wanted = EnvFilter::try_from_env("SEATRIAL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let filter = wanted.and(filter_fn(|metadata| ours(metadata.target(), LevelFilter::from_level(*metadata.level()))));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
            tracing_subscriber::registry().with(layer.with_ansi(ansi).with_filter(filter)).init();
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_current_span(true).with_span_list(false);
            tracing_subscriber::registry().with(layer.with_filter(filter)).init();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_say_nothing_that_quotes_heads() {
        assert!(ours("seatrial_gateway::serve", LevelFilter::TRACE));
        assert!(ours("hyper_util", LevelFilter::WARN));
        assert!(!ours("h2::codec", LevelFilter::DEBUG));
        assert!(!ours("reqwest", LevelFilter::TRACE));
    }
}
