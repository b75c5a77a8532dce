//! `page_config` as the templates use it: a Python dictionary with `copy()` and `update(key=value)`.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Kwargs, Object, Serde, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use serde_json::Map;

/// One page's configuration while its template runs. Templates copy it and change the copy.
#[derive(Debug)]
pub(crate) struct PageConfigObject {
    /// A template has only a shared reference; the lock is held for one lookup or one change.
    entries: Mutex<Vec<(Arc<str>, Value)>>,
}

impl PageConfigObject {
    /// The configuration as a template value.
    pub(crate) fn value(entries: &Map<String, serde_json::Value>) -> Value {
        let entries = entries
            .iter()
            .map(|(key, value)| (Arc::from(key.as_str()), Value::from(Serde(value))));
        Value::from_object(PageConfigObject {
            entries: Mutex::new(entries.collect()),
        })
    }

    fn snapshot(&self) -> Vec<(Arc<str>, Value)> {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, name: &str, value: Value) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.iter_mut().find(|(key, _)| &**key == name) {
            Some((_, old)) => *old = value,
            None => entries.push((Arc::from(name), value)),
        }
    }
}

impl Object for PageConfigObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.snapshot()
                .into_iter()
                .map(|(key, _)| Value::from(key))
                .collect(),
        )
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "copy" => {
                let () = from_args(arguments)?;
                Ok(Value::from_object(PageConfigObject {
                    entries: Mutex::new(self.snapshot()),
                }))
            }
            "update" => {
                let (changes,): (Kwargs,) = from_args(arguments)?;
                for name in changes.args() {
                    self.set(name, changes.get(name)?);
                }
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PageConfigObject;
    use crate::templates::engine;
    use minijinja::context;
    use serde_json::json;

    #[test]
    fn a_copy_is_changed_and_the_original_is_not() {
        let config = json!({"a": 1, "path": "x/</script>'"});
        let config = PageConfigObject::value(config.as_object().expect("an object"));
        let template = "{% set full = page_config.copy() %}{% set _ = full.update(a=2, b='c') %}\
            {{ full | tojson }} {{ page_config.a }} {{ full['b'] }}";
        let rendered = engine()
            .render_str(template, context! { page_config => config })
            .expect("renders");
        assert_eq!(
            rendered,
            r#"{"a": 2, "path": "x/\u003c/script\u003e\u0027", "b": "c"} 1 c"#
        );
    }
}
