//! Our own pages: login, logout, errors, the start page, and the frame around a viewed file.
//!
//! Their sources lie in `frontend-static/` and are part of the program: they work when no front end is
//! installed. They keep what scripts know from the reference: the form fields `password`, `new_password`
//! and `_xsrf`, the classes `message error`, `message info`, `error` and `traceback`.

mod assets;
mod error_page;
mod home_page;
mod login_page;
mod view_page;

use std::sync::Arc;

use minijinja::Environment;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use crate::templates::{self, escape_text};
pub use assets::{Asset, OWN_ASSETS_PREFIX};
pub use error_page::ErrorPage;
pub use home_page::{HomeEntry, HomePage, MissingEntry};
pub use login_page::{LoginPage, LogoutPage, Message, MessageKind};
pub use view_page::ViewPage;

/// Renders our own pages; a cheap clone.
#[derive(Clone)]
pub struct OwnPages {
    engine: Arc<Environment<'static>>,
    /// Begins and ends with `/`.
    base_url: Arc<str>,
    /// Changes when an asset changes, so that assets may be cached for good.
    version: Arc<str>,
}

impl OwnPages {
    /// Pages of a server below `base_url` (such as `/` or `/user/a%40b/`; with a slash at both ends).
    #[must_use]
    pub fn new(base_url: &str) -> OwnPages {
        let mut engine = templates::engine();
        for (name, source) in assets::TEMPLATES {
            if let Err(error) = engine.add_template(name, source) {
                // Only a broken build gets here; the pages then fall back to plain text.
                tracing::error!(template = name, %error, "our own template does not parse");
            }
        }
        OwnPages {
            engine: Arc::new(engine),
            base_url: Arc::from(base_url),
            version: assets::version().into(),
        }
    }

    /// The page of the login form (GET `/login`, and a failed POST).
    #[must_use]
    pub fn login_page(&self, page: &LoginPage<'_>) -> String {
        self.render("login.html", page, "Log in")
    }

    /// The page after logging out.
    #[must_use]
    pub fn logout_page(&self, page: &LogoutPage) -> String {
        self.render("logout.html", page, "Logged out")
    }

    /// A page for an error, with a sentence on what to do.
    #[must_use]
    pub fn error_page(&self, page: &ErrorPage<'_>) -> String {
        self.render("error.html", &page.with_advice(), page.message)
    }

    /// The start page of a server that has no default front end to go to.
    #[must_use]
    pub fn home_page(&self, page: &HomePage) -> String {
        self.render("home.html", page, "Adrastea")
    }

    /// A file shown in a sandboxed frame (GET `/view/…`).
    #[must_use]
    pub fn view_page(&self, page: &ViewPage<'_>) -> String {
        self.render("view.html", page, page.title)
    }

    /// An asset of our pages by its path below `/static/adrastea/`.
    #[must_use]
    pub fn asset(&self, path: &str) -> Option<Asset> {
        assets::asset(path)
    }

    /// Rendering a page about an error must not itself end in an error: whatever fails here is logged, and
    /// the user still gets `plain`.
    fn render(&self, template: &str, page: &impl Serialize, plain: &str) -> String {
        let context = minijinja::context! {
            base_url => Value::from(&*self.base_url),
            version => Value::from(&*self.version),
            ..Value::from(Serde(page))
        };
        let rendered = self
            .engine
            .get_template(template)
            .and_then(|template| template.render(context));
        rendered.unwrap_or_else(|error| {
            tracing::error!(template, %error, "our own page does not render");
            format!(
                "<!doctype html><meta charset=\"utf-8\"><title>Adrastea</title><p>{}",
                escape_text(plain)
            )
        })
    }
}

#[cfg(test)]
mod tests;
