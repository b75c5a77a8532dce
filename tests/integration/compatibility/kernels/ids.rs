//! Ids that each server makes for itself, under names that both sides share: `<K0>` is the first kernel of either,
//! `<S0>` the first session.

use serde_json::Value;

/// What is unknown on a side has this id there.
const UNKNOWN: &str = "a-b-c-d-f";

/// The ids of one side.
#[derive(Debug, Default)]
pub(super) struct Ids {
    kernels: Vec<String>,
    sessions: Vec<String>,
}

impl Ids {
    /// Notes the ids in an answer, in the order they are first seen.
    pub(super) fn learn(&mut self, answer: &Value) {
        match answer {
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(model) => {
                let known = match model.get("kernel") {
                    Some(kernel) => {
                        self.learn(kernel);
                        &mut self.sessions
                    }
                    None if model.contains_key("execution_state") => &mut self.kernels,
                    None => return,
                };
                if let Some(Value::String(id)) = model.get("id")
                    && !known.contains(id)
                {
                    known.push(id.clone());
                }
            }
            _ => {}
        }
    }

    /// A text with this side's ids under their shared names.
    pub(super) fn masked(&self, text: &str) -> String {
        let named = |text: String, (name, id): (String, &String)| text.replace(id.as_str(), &name);
        self.named().fold(text.to_owned(), named)
    }

    /// A text with this side's ids in place of their shared names.
    pub(super) fn filled_in(&self, text: &str) -> String {
        let filled = self
            .named()
            .fold(text.to_owned(), |text, (name, id)| text.replace(&name, id));
        match filled.split_once('<') {
            Some((before, rest)) => {
                let after = rest.split_once('>').map_or("", |(_, after)| after);
                format!("{before}{UNKNOWN}{after}")
            }
            None => filled,
        }
    }

    fn named(&self) -> impl Iterator<Item = (String, &String)> {
        let kernels = self.kernels.iter().enumerate();
        let sessions = self.sessions.iter().enumerate();
        let kernels = kernels.map(|(index, id)| (format!("<K{index}>"), id));
        kernels.chain(sessions.map(|(index, id)| (format!("<S{index}>"), id)))
    }
}
