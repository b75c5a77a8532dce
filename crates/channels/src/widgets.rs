//! Output widgets: what a cell says while one of them has its `msg_id` is shown in the widget, and not in the cell.
//!
//! `with out:` of ipywidgets tells the widget's comm the id of the request that runs, and at its end the empty id. Front ends
//! then take all that answers the request, a `clear_output` too, out of the cell's way.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// How many widgets may take outputs at once; those of more stay in their cells.
const WIDGETS_MAX: usize = 1_024;

/// A message that gives a widget an id is short; longer ones are not looked into.
const CONTENT_BYTES_MAX: usize = 4 << 10;

/// Which widgets take the outputs of which requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputWidgets {
    /// The request of each comm.
    requests: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Content {
    comm_id: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    method: String,
    state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    /// Not there, `null`, or an id.
    #[serde(deserialize_with = "some")]
    msg_id: Option<Option<String>>,
}

fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl OutputWidgets {
    /// Notes what the kernel said; gives the comm that takes another request's outputs now, or none.
    pub(crate) fn note(&mut self, msg_type: &str, content: &[u8]) -> Option<String> {
        if !matches!(msg_type, "comm_msg" | "comm_close") || content.len() > CONTENT_BYTES_MAX {
            return None;
        }
        let Content { comm_id, data } = serde_json::from_slice(content).ok()?;
        let request = match data.state.msg_id {
            _ if msg_type == "comm_close" => None,
            Some(request) if data.method == "update" => request.filter(|request| !request.is_empty()),
            _ => return None,
        };
        let before = match request {
            Some(_) if self.requests.len() >= WIDGETS_MAX && !self.requests.contains_key(&comm_id) => {
                return None;
            }
            Some(request) => self.requests.insert(comm_id.clone(), request),
            None => self.requests.remove(&comm_id),
        };
        (before.as_ref() != self.requests.get(&comm_id)).then_some(comm_id)
    }

    /// Whether the outputs of this request are a widget's now.
    pub(crate) fn take(&self, request: &str) -> bool {
        self.requests.values().any(|taken| taken == request)
    }

    /// The request whose outputs this comm takes; empty for none.
    pub(crate) fn request_of(&self, comm_id: &str) -> &str {
        self.requests.get(comm_id).map_or("", String::as_str)
    }
}

/// What is known of output widgets while a client is sent again what it may have missed.
#[derive(Debug, Default)]
pub(crate) struct WidgetsBefore {
    /// As far as was looked into.
    pub(crate) now: OutputWidgets,
    /// Where the client has confirmed everything.
    pub(crate) confirmed: OutputWidgets,
    /// The comms that took something since.
    pub(crate) touched: BTreeSet<String>,
}

impl WidgetsBefore {
    /// Notes a comm that took something.
    pub(crate) fn touch(&mut self, comm_id: String) {
        if self.touched.len() < WIDGETS_MAX {
            self.touched.insert(comm_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(widgets: &mut OutputWidgets, comm_id: &str, state: &str) -> Option<String> {
        let content = format!(
            r#"{{"comm_id":"{comm_id}","data":{{"method":"update","state":{state},"buffer_paths":[]}}}}"#
        );
        widgets.note("comm_msg", content.as_bytes())
    }

    #[test]
    fn a_widget_takes_outputs_until_it_is_told_not_to_or_is_closed() {
        let mut widgets = OutputWidgets::default();
        assert_eq!(set(&mut widgets, "w", r#"{"msg_id":"q"}"#), Some("w".to_owned()));
        assert_eq!(set(&mut widgets, "w", r#"{"msg_id":"q"}"#), None, "nothing new");
        assert_eq!(set(&mut widgets, "w", r#"{"outputs":[]}"#), None);
        assert!(widgets.take("q") && !widgets.take("other"));
        set(&mut widgets, "inner", r#"{"msg_id":"q"}"#);
        set(&mut widgets, "inner", r#"{"msg_id":null}"#);
        assert!(widgets.take("q"), "there are two");
        assert_eq!(set(&mut widgets, "w", r#"{"msg_id":""}"#), Some("w".to_owned()));
        assert!(!widgets.take("q"));
        set(&mut widgets, "w", r#"{"msg_id":"q"}"#);
        widgets.note("comm_close", br#"{"comm_id":"w","data":{}}"#);
        assert_eq!(widgets, OutputWidgets::default());
    }

    #[test]
    fn what_is_no_widget_takes_nothing() {
        let mut widgets = OutputWidgets::default();
        for content in [
            &b"1"[..],
            b"{}",
            br#"{"comm_id":"c","data":"x"}"#,
            br#"{"comm_id":"c","data":{"state":1}}"#,
        ] {
            assert_eq!(widgets.note("comm_msg", content), None);
        }
        for number in 0..2 * WIDGETS_MAX {
            set(&mut widgets, &number.to_string(), r#"{"msg_id":"q"}"#);
        }
        assert_eq!(widgets.requests.len(), WIDGETS_MAX);
    }
}
