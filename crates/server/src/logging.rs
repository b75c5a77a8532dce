//! What is logged and how a line looks: `[I 2026-11-22 10:00:00.123 kernels] started kernel …`, as the reference.

use std::fmt::{self, Write as _};
use std::io::IsTerminal;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Our crates; what other crates say is only logged from warnings on.
const OURS: &[&str] = &[
    "adrastea",
    "api",
    "authorization",
    "channels",
    "contents",
    "frontends",
    "identity",
    "kernels",
    "server",
    "sessions",
    "store",
    "wire",
];

/// Starts logging to standard error. Does nothing when something else in the process logs already.
pub fn start(level: LevelFilter, time_zone: TimeZone) {
    let targets = OURS.iter().map(|target| (*target, level));
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(targets);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .event_format(Line { time_zone });
    // In tests the first server of the process sets this up; the others are right to find it done.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// A level by Jupyter's name or number.
pub(crate) fn level_named(name: &str) -> Option<LevelFilter> {
    match name.trim().to_uppercase().as_str() {
        "DEBUG" | "10" | "0" => Some(LevelFilter::DEBUG),
        "INFO" | "20" => Some(LevelFilter::INFO),
        "WARN" | "WARNING" | "30" => Some(LevelFilter::WARN),
        "ERROR" | "40" | "CRITICAL" | "50" => Some(LevelFilter::ERROR),
        _ => None,
    }
}

struct Line {
    time_zone: TimeZone,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (letter, colour) = match *event.metadata().level() {
            Level::ERROR => ('E', "\x1b[31m"),
            Level::WARN => ('W', "\x1b[33m"),
            Level::INFO => ('I', "\x1b[32m"),
            Level::DEBUG | Level::TRACE => ('D', "\x1b[34m"),
        };
        let (colour, end) = if out.has_ansi_escapes() {
            (colour, "\x1b[0m")
        } else {
            ("", "")
        };
        let time = Timestamp::now()
            .to_zoned(self.time_zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S%.3f");
        let target = event.metadata().target().split(':').next().unwrap_or_default();
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                write!(text, " {}{{{fields}}}", span.name())?;
            }
        }
        writeln!(
            out,
            "{colour}[{letter} {time} {target}]{end} {}",
            without_tokens(&text)
        )
    }
}

/// Replaces what follows `token=`. Nobody should log a token; this is for those who forget.
fn without_tokens(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("token=") {
        let (before, after) = rest.split_at(at + "token=".len());
        clean.push_str(before);
        clean.push_str("[secret]");
        // What the access log replaced already stays.
        let after = after.strip_prefix("[secret]").unwrap_or(after);
        let end = after
            .find(|it: char| it.is_whitespace() || "&\"'`,;)]}".contains(it))
            .unwrap_or(after.len());
        rest = after.get(end..).unwrap_or_default();
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_never_reach_the_log() {
        let check = |text: &str, expected: &str| assert_eq!(without_tokens(text), expected);
        check(
            "GET /lab?token=abc&x=1 token=d",
            "GET /lab?token=[secret]&x=1 token=[secret]",
        );
        check("token=[secret] x", "token=[secret] x");
        check("(token=abc)", "(token=[secret])");
        check("nothing here", "nothing here");
    }

    #[test]
    fn levels_have_jupyters_names() {
        assert_eq!(level_named("debug"), Some(LevelFilter::DEBUG));
        assert_eq!(level_named("30"), Some(LevelFilter::WARN));
        assert_eq!(level_named("CRITICAL"), Some(LevelFilter::ERROR));
        assert_eq!(level_named("loud"), None);
    }
}
