//! The browser (or program) at the other end, for handlers that show pages or take forms.

use http::HeaderMap;
use identity::{IdentityError, RefererCheck, XsrfCheck, check_submitted_xsrf};

use crate::visitor::Visitor;

/// What a handler may ask of the other end.
#[derive(Clone)]
pub(crate) struct Browser {
    visitor: Visitor,
    headers: HeaderMap,
}

impl Browser {
    pub(crate) fn new(visitor: Visitor, headers: HeaderMap) -> Self {
        Self { visitor, headers }
    }

    pub(crate) fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    pub(crate) fn referer(&self) -> &RefererCheck {
        &self.visitor.referer
    }

    pub(crate) fn xsrf_token(&self) -> Result<String, IdentityError> {
        self.visitor.xsrf.show(&self.headers)
    }

    pub(crate) fn check_xsrf(&self, submitted: Option<&str>) -> XsrfCheck {
        check_submitted_xsrf(&self.headers, submitted)
    }
}
