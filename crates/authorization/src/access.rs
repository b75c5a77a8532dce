//! How a handler's first argument says who may call it.

use std::future::Future;

use http::request::Parts;

use crate::{
    Act, Action, Anyone, Authorized, Guard, Identified, Resource, ResourceKind, Surface, admit,
    refusal::Refusal,
};

/// What a route asks of its callers; the route table's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing.
    Anyone,
    /// To be logged in.
    Identified,
    /// A decision of the policy.
    Authorized {
        /// To do what.
        action: Action,
        /// To which kinds of resources, each of them.
        kinds: &'static [ResourceKind],
    },
}

/// Who sees to it that another site's page does not use the route in the name of a logged-in user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeryCheck {
    /// The guard, by `Origin` and `_xsrf`.
    ByGuard,
    /// The handler, or nobody because no harm can be done; the reason is for the route table.
    ByHandler(&'static str),
}

/// What admission must know of the route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub(crate) surface: Surface,
    pub(crate) forgery_check: ForgeryCheck,
}

/// A first argument that says who may call: [`Authorized`], [`Identified`] or [`Anyone`], and no other type.
#[diagnostic::on_unimplemented(
    message = "a handler starting with `{Self}` does not say who may call it",
    label = "this handler has no declared access",
    note = "make its first argument `Authorized<Action, Resource>`, or `Anyone` for a public route"
)]
pub trait Access: sealed::Admit {
    /// What it asks.
    const REQUIREMENT: Requirement;
}

impl<A: Act, R: Resource> Access for Authorized<A, R> {
    const REQUIREMENT: Requirement = Requirement::Authorized {
        action: A::ACTION,
        kinds: R::KINDS,
    };
}

impl Access for Identified {
    const REQUIREMENT: Requirement = Requirement::Identified;
}

impl Access for Anyone {
    const REQUIREMENT: Requirement = Requirement::Anyone;
}

/// The part of [`Access`] that nobody outside can implement or call.
pub(crate) mod sealed {
    use super::{Act, Anyone, Authorized, Future, Guard, Identified, Parts, Refusal, Resource, Route, admit};

    pub trait Admit: Sized + Send + 'static {
        /// Whether a route of this path can name the resource at all; `Err` says what is wrong. Asked at start.
        fn fits(path: &str) -> Result<(), String>;

        /// Makes the proof, or says why the caller does not get one.
        fn admit(
            parts: &mut Parts,
            guard: &Guard,
            route: Route,
        ) -> impl Future<Output = Result<Self, Refusal>> + Send;
    }

    impl<A: Act, R: Resource> Admit for Authorized<A, R> {
        fn fits(path: &str) -> Result<(), String> {
            let anywhere = format!("{{*{}}}", R::PARAMETER);
            let named = path.contains(&anywhere) || path.contains(&format!("{{{}}}", R::PARAMETER));
            let may_be_empty = "".parse::<R::Name>().is_ok();
            match (named, may_be_empty) {
                (_, true) => Ok(()),
                (true, false) if !path.contains(&anywhere) => Ok(()),
                (true, false) => Err("it also serves its root, for which there is no name".to_owned()),
                (false, false) => Err(format!("it has no parameter `{}`", R::PARAMETER)),
            }
        }

        async fn admit(parts: &mut Parts, guard: &Guard, route: Route) -> Result<Self, Refusal> {
            admit::authorized(parts, guard, route).await
        }
    }

    impl Admit for Identified {
        fn fits(_path: &str) -> Result<(), String> {
            Ok(())
        }

        async fn admit(parts: &mut Parts, guard: &Guard, route: Route) -> Result<Self, Refusal> {
            admit::identified(parts, guard, route).map(Self::new)
        }
    }

    impl Admit for Anyone {
        fn fits(_path: &str) -> Result<(), String> {
            Ok(())
        }

        async fn admit(parts: &mut Parts, _guard: &Guard, route: Route) -> Result<Self, Refusal> {
            admit::anyone(parts, route)
        }
    }
}
