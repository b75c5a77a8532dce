//! Who may do what: the guarded router, the one question it asks, and the built-in policies.
//!
//! A handler's first argument is its permission: [`Authorized<A, R>`](Authorized) when a decision was made about the
//! very resource the URL names, [`Identified`] when it is enough to be logged in, [`Anyone`] when the route is public.
//! A handler without one of them cannot be registered, and only the guard makes them.
//!
//! Architecture invariant: `authorization` knows no service and no policy language; it alone builds an axum router.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod absentee;
mod access;
mod action;
mod admit;
mod authorizer;
mod browser;
mod caller;
mod denied;
mod fallback;
mod guard;
mod handler;
mod identify;
mod ownership;
pub mod policies;
mod proof;
mod refusal;
mod resource;
mod router;
mod service;
mod site;
mod surface;
mod visitor;

pub use absentee::Absentee;
pub use access::{Access, ForgeryCheck, Requirement};
pub use action::{Act, Action, Execute, Read, Write};
pub use authorizer::{Authorizer, Covers, Decision, Reason};
pub use caller::Caller;
pub use denied::{Denied, NotFound};
pub use fallback::fallbacks;
pub use guard::{DECISION_TIME_MAX, Guard};
pub use handler::{Arguments, DeclaresAccess, GuardedHandler};
pub use identify::{LogIn, LogOut};
pub use ownership::{Owned, Ownership, OwnershipError};
pub use proof::{Anyone, Authorized, Changes, Identified};
pub use resource::{
    Collection, NamesNothing, Resource, ResourceKind, ResourceRef, Unchecked, Unnamed, Whole,
};
pub use router::{BODY_BYTES_MAX, GuardedRouter, RouteEntry};
pub use service::GuardedService;
pub use site::{Activity, ErrorPages, PageError, Site};
pub use surface::Surface;
