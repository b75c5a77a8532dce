//! The template engine, set up so that the packages' own Jinja templates render unchanged.
//!
//! Jupyter's packages bring templates written for Jinja with Python behind it. Four things must be added
//! to `minijinja`: the `trans` tag (the identity: the packages hold no translations of their templates),
//! the function `_`, `dict.copy()` and `dict.update()` on the page's configuration, and escaping as
//! Python's MarkupSafe does it.

mod escape;
mod page_config_object;
mod trans;

use std::path::PathBuf;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

pub(crate) use escape::escape as escape_text;
pub(crate) use page_config_object::PageConfigObject;

/// An engine with our escaping and nothing loaded; autoescape is on for every template.
pub(crate) fn engine() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    environment.set_formatter(escape::format);
    environment.add_filter("escape", escape::filter);
    environment.add_filter("e", escape::filter);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment
}

/// An engine that looks templates up in `directories`, in that order, when they are first used.
///
/// Only names that are one plain file name are looked up, so no template can reach outside.
pub(crate) fn package_engine(directories: Vec<PathBuf>) -> Environment<'static> {
    let mut environment = engine();
    environment.add_function("_", |text: Value| text);
    environment.set_loader(move |name| {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !plain {
            return Ok(None);
        }
        for directory in &directories {
            match std::fs::read_to_string(directory.join(name)) {
                Ok(source) => return Ok(Some(trans::without_trans_tags(&source))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(minijinja::Error::new(
                        minijinja::ErrorKind::InvalidOperation,
                        format!("the template `{name}` cannot be read"),
                    )
                    .with_source(error));
                }
            }
        }
        Ok(None)
    });
    environment
}
