//! The WebSockets of kernels: what may pass, how fast, and how they are kept open.

use std::time::Duration;

use ::channels::{Filters, RateLimits};
use api::ChannelsConfig;
use serde_json::Value;

use super::classes::{KERNELS, SERVER, WEBSOCKET_CONNECTION};
use super::kernels::SECONDS_MAX;
use crate::error::ServerError;
use crate::settings::reader::{BadSetting, Reader, Traits};

/// The keys of `ServerApp.tornado_settings` that are read here, both in milliseconds.
pub(super) const PING_SETTINGS: [&str; 2] = ["ws_ping_interval", "ws_ping_timeout"];

/// What the reference says in place of an error's text.
const TRACEBACK_REPLACEMENT: &str =
    "An exception occurred at runtime, which is not shown due to security reasons.";

/// The subprotocol that may be preferred; the other one has no name.
const V1: &str = "v1.kernel.websocket.jupyter.org";

/// As good as never, without overflowing a clock.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn read(reader: &Reader<'_>) -> Result<ChannelsConfig, ServerError> {
    let kernels = reader.class(KERNELS);
    let mut config = ChannelsConfig {
        filters: Filters {
            allowed_message_types: kernels.list("allowed_message_types")?.unwrap_or_default().into(),
            traceback_replacement: traceback_replacement(&kernels)?.map(Into::into),
            rate_limits: rate_limits(reader)?,
        },
        ..ChannelsConfig::default()
    };
    if let Some(protocol) = first(reader, |traits| traits.text("kernel_ws_protocol"))? {
        config.offers_v1 = match protocol.as_str() {
            "" => false,
            V1 => true,
            _ => {
                let connection = reader.class(WEBSOCKET_CONNECTION);
                return Err(connection
                    .bad(
                        "kernel_ws_protocol",
                        &format!("`{V1}`, or empty for the legacy one"),
                    )
                    .into());
            }
        };
    }
    read_pings(&reader.class(SERVER), &mut config)?;
    Ok(config)
}

fn traceback_replacement(kernels: &Traits<'_>) -> Result<Option<String>, BadSetting> {
    let replacement = kernels.text("traceback_replacement_message")?;
    let are_shown = kernels.switch("allow_tracebacks")?.unwrap_or(true);
    Ok((!are_shown).then(|| replacement.unwrap_or_else(|| TRACEBACK_REPLACEMENT.to_owned())))
}

/// None unless one of them is set: output is never dropped unasked.
fn rate_limits(reader: &Reader<'_>) -> Result<Option<RateLimits>, ServerError> {
    let number = |name: &str| first(reader, |traits| traits.number(name));
    let messages = number("iopub_msg_rate_limit")?;
    let bytes = number("iopub_data_rate_limit")?;
    let window = number("rate_limit_window")?;
    let are_wanted = match first(reader, |traits| traits.switch("limit_rate"))? {
        Some(are_wanted) => are_wanted,
        None => messages.is_some() || bytes.is_some(),
    };
    let window = window.unwrap_or(3.0);
    if !(window > 0.0 && window <= SECONDS_MAX) {
        let connection = reader.class(WEBSOCKET_CONNECTION);
        return Err(connection
            .bad("rate_limit_window", "a number of seconds above 0")
            .into());
    }
    Ok(are_wanted.then(|| RateLimits {
        messages: messages.unwrap_or(1_000.0),
        bytes: bytes.unwrap_or(1_000_000.0),
        window: Duration::from_secs_f64(window),
    }))
}

/// A setting under its own class, or under its old one.
fn first<T>(
    reader: &Reader<'_>,
    read: impl Fn(&Traits<'_>) -> Result<Option<T>, BadSetting>,
) -> Result<Option<T>, BadSetting> {
    let old = read(&reader.class(SERVER))?;
    Ok(read(&reader.class(WEBSOCKET_CONNECTION))?.or(old))
}

fn read_pings(server: &Traits<'_>, config: &mut ChannelsConfig) -> Result<(), ServerError> {
    let given = server.dictionary("tornado_settings")?.unwrap_or_default();
    let milliseconds = |name: &str| match given.get(name).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => match number(value).filter(|number| (0.0..=SECONDS_MAX * 1_000.0).contains(number)) {
            Some(number) => Ok(Some(Duration::from_secs_f64(number / 1_000.0))),
            None => Err(server.bad(
                "tornado_settings",
                "a dictionary whose pings are numbers of milliseconds",
            )),
        },
    };
    let [interval, timeout] = PING_SETTINGS;
    let (interval, timeout) = (milliseconds(interval)?, milliseconds(timeout)?);
    let limits = &mut config.limits;
    let interval = interval.unwrap_or(limits.ping_interval);
    // A client that is not pinged owes no answer.
    if interval.is_zero() {
        (limits.ping_interval, limits.silence_max) = (NEVER, NEVER);
        return Ok(());
    }
    let timeout = timeout.unwrap_or_else(|| interval.saturating_mul(3).max(Duration::from_secs(30)));
    limits.ping_interval = interval;
    limits.silence_max = match timeout > interval {
        true => timeout,
        // It begins with the ping.
        false => interval.saturating_add(timeout),
    };
    Ok(())
}

/// A number; on the command line all values of a dictionary are texts.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Raw, Settings, Source};
    use crate::variables::Variables;

    fn read_from(settings: &[(&str, &str, Value)]) -> Result<ChannelsConfig, String> {
        let mut given = Settings::default();
        for (class, name, value) in settings {
            let source = Source::File("/x.json".into());
            given.set(class, name, Raw::Json(value.clone()), source);
        }
        let variables = Variables::default();
        read(&Reader::new(&given, &variables)).map_err(|error| error.to_string())
    }

    fn pings(settings: Value) -> (u64, u64) {
        let config = read_from(&[("ServerApp", "tornado_settings", settings)]).expect("pings");
        let milliseconds = |duration: Duration| duration.as_millis() as u64;
        (
            milliseconds(config.limits.ping_interval),
            milliseconds(config.limits.silence_max),
        )
    }

    #[test]
    fn pings_are_as_in_the_reference() {
        assert_eq!(pings(serde_json::json!({})), (30_000, 90_000));
        assert_eq!(
            pings(serde_json::json!({"ws_ping_interval": 5_000})),
            (5_000, 30_000)
        );
        assert_eq!(
            pings(serde_json::json!({"ws_ping_interval": 20_000})),
            (20_000, 60_000)
        );
        assert_eq!(
            pings(serde_json::json!({"ws_ping_interval": "1000", "ws_ping_timeout": 2_500.5})),
            (1_000, 2_500)
        );
        // The answer to a ping, not to what was before it.
        assert_eq!(
            pings(serde_json::json!({"ws_ping_timeout": 10_000})),
            (30_000, 40_000)
        );
        let never = NEVER.as_millis() as u64;
        assert_eq!(pings(serde_json::json!({"ws_ping_interval": 0})), (never, never));
    }

    #[test]
    fn output_is_limited_only_when_that_is_asked_for() {
        let limits =
            |settings: &[(&str, &str, Value)]| read_from(settings).expect("limits").filters.rate_limits;
        const CONNECTION: &str = "ZMQChannelsWebsocketConnection";
        assert_eq!(limits(&[]), None);
        let defaults = RateLimits {
            messages: 1_000.0,
            bytes: 1_000_000.0,
            window: Duration::from_secs(3),
        };
        assert_eq!(limits(&[(CONNECTION, "limit_rate", true.into())]), Some(defaults));
        let other = RateLimits {
            messages: 5.0,
            ..defaults
        };
        assert_eq!(
            limits(&[("ServerApp", "iopub_msg_rate_limit", 5.into())]),
            Some(other)
        );
        assert_eq!(limits(&[(CONNECTION, "rate_limit_window", 5.into())]), None);
        let both = [
            (CONNECTION, "iopub_msg_rate_limit", 5.into()),
            (CONNECTION, "limit_rate", false.into()),
        ];
        assert_eq!(limits(&both), None);
        assert!(read_from(&[(CONNECTION, "rate_limit_window", 0.into())]).is_err());
    }

    #[test]
    fn tracebacks_are_replaced_only_when_they_are_not_allowed() {
        let replacement = |settings: &[(&str, &str, Value)]| {
            let config = read_from(settings).expect("a configuration");
            config.filters.traceback_replacement.as_deref().map(str::to_owned)
        };
        const MANAGER: &str = "MappingKernelManager";
        let message = (MANAGER, "traceback_replacement_message", "no".into());
        let switch = (MANAGER, "allow_tracebacks", false.into());
        assert_eq!(replacement(std::slice::from_ref(&message)), None);
        assert_eq!(
            replacement(std::slice::from_ref(&switch)),
            Some(TRACEBACK_REPLACEMENT.to_owned())
        );
        assert_eq!(replacement(&[message, switch]), Some("no".to_owned()));
    }

    #[test]
    fn the_newer_subprotocol_can_be_withheld() {
        let offers = |protocol: &str| {
            let config = read_from(&[("ServerApp", "kernel_ws_protocol", protocol.into())]);
            config.map(|config| config.offers_v1)
        };
        assert_eq!(offers(""), Ok(false));
        assert_eq!(offers(V1), Ok(true));
        assert!(offers("v2").is_err());
    }
}
