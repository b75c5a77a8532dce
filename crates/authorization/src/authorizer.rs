//! The one question, and who answers it.

use std::borrow::Cow;

use futures::future::BoxFuture;
use identity::Identity;
use tokio::sync::watch;

use crate::{Action, ResourceRef};

/// What a policy answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No: 403, with a sentence.
    Forbid(Reason),
    /// No, and the caller may not even know that it exists: 404, the same answer as for what is missing.
    Hide(Reason),
}

impl Decision {
    /// Forbidden by the rule of that name.
    #[must_use]
    pub fn forbidden_by(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbid(Reason::new(rule))
    }

    /// Hidden by the rule of that name.
    #[must_use]
    pub fn hidden_by(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Hide(Reason::new(rule))
    }

    /// A decision that could not be made, and so forbids.
    #[must_use]
    pub fn undecided(why: &str) -> Self {
        Self::Forbid(Reason::new(format!("undecided: {why}")))
    }

    /// Whether it is a yes.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow)
    }
}

/// Why a policy said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule that decided, for the log.
    pub rule: Cow<'static, str>,
    /// A sentence for the person who was refused. `None`: Jupyter's
    /// `User is not authorized to write on resource: contents.`
    pub message: Option<Cow<'static, str>>,
}

impl Reason {
    /// A reason with Jupyter's own sentence.
    #[must_use]
    pub fn new(rule: impl Into<Cow<'static, str>>) -> Self {
        Self {
            rule: rule.into(),
            message: None,
        }
    }

    /// The same with another sentence for the person.
    #[must_use]
    pub fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: Some(message.into()),
            ..self
        }
    }
}

/// One answer for everything below a directory or in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// All of it is allowed: ask no further.
    All,
    /// None of it is: show nothing.
    None,
    /// It differs: ask for each entry.
    Each,
}

/// Decides who may do what. Built-in ones are in [`crate::policies`]; docs/authorization.md says how to write one.
pub trait Authorizer: Send + Sync + 'static {
    /// May this identity do this to this resource? Must not block; an answer that takes longer than
    /// [`crate::DECISION_TIME_MAX`], or a panic, forbids.
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision>;

    /// One answer for a whole directory or collection, so that a listing of 50,000 entries is not 50,000 decisions.
    fn covers<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        directory: &'a ResourceRef,
    ) -> BoxFuture<'a, Covers> {
        let _ = (identity, action, directory);
        Box::pin(async { Covers::Each })
    }

    /// Wakes whenever an earlier decision may have changed. Long connections ask again then.
    fn changes(&self) -> watch::Receiver<()>;
}
