//! Lets a request through to its handler, with the proof that fits the handler's first argument.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::{
    Act, Anyone, Authorized, Caller, Denied, Guard, Resource, Surface, Unnamed,
    access::{ForgeryCheck, Route},
    browser::Browser,
    identify::is_safe,
    refusal::Refusal,
    visitor::{Forgery, Visitor},
};

/// The proof of [`Authorized`]: somebody is logged in, the request is theirs, the URL names something, and the
/// policy allows it.
pub(crate) async fn authorized<A: Act, R: Resource>(
    parts: &mut Parts,
    guard: &Guard,
    route: Route,
) -> Result<Authorized<A, R>, Refusal> {
    let caller = identified(parts, guard, route)?;
    let name = named::<R>(parts).await?;
    // Subscribed before the decision, so that a change during it is not missed.
    let (policy_changes, ownership_changes) = (guard.changes(), guard.ownership().changes());
    guard
        .check::<R>(caller.identity(), A::ACTION, &name)
        .await
        .map_err(Refusal::Denied)?;
    Ok(Authorized::new(caller, name, policy_changes, ownership_changes))
}

/// The caller, if somebody is logged in and the request is really theirs.
pub(crate) fn identified(parts: &Parts, guard: &Guard, route: Route) -> Result<Caller, Refusal> {
    let visitor = unforged(parts, route)?;
    let (identity, _) = visitor.who.as_ref().ok_or(Refusal::NotLoggedIn)?;
    let browser = Browser::new(visitor.clone(), parts.headers.clone());
    Ok(Caller::new(Arc::clone(identity), guard.clone(), browser))
}

/// For public routes: whoever it is, but not in somebody else's name.
pub(crate) fn anyone(parts: &Parts, route: Route) -> Result<Anyone, Refusal> {
    let visitor = unforged(parts, route)?;
    Ok(Anyone::new(Browser::new(visitor.clone(), parts.headers.clone())))
}

/// The visitor, unless another site's page may have sent the request in the user's name.
fn unforged(parts: &Parts, route: Route) -> Result<&Visitor, Refusal> {
    let visitor = parts
        .extensions
        .get::<Visitor>()
        .ok_or(Refusal::NeverIdentified)?;
    if route.forgery_check != ForgeryCheck::ByGuard {
        return Ok(visitor);
    }
    let changes_something = !is_safe(&parts.method);
    match (&visitor.forgery, route.surface) {
        (Some(Forgery::ForeignOrigin), Surface::WebSocket) => Err(Refusal::ForeignSocket),
        (Some(Forgery::ForeignOrigin), Surface::Api) => Err(Refusal::Forged(Forgery::ForeignOrigin)),
        (Some(forgery), _) if changes_something => Err(Refusal::Forged(*forgery)),
        (Some(_) | None, _) => Ok(visitor),
    }
}

/// The name the URL gives, decoded and parsed once; without the parameter, the empty name.
async fn named<R: Resource>(parts: &mut Parts) -> Result<R::Name, Refusal> {
    let parameters = RawPathParams::from_request_parts(parts, &())
        .await
        // The route matched, so all that can be wrong is the text of a parameter.
        .map_err(|_| not_utf8(parts.uri.path()))?;
    let text = parameters
        .iter()
        .find(|(key, _)| *key == R::PARAMETER)
        .map_or("", |(_, value)| value);
    text.parse().map_err(|error| match R::unnamed(&error) {
        Some(Unnamed::NotFound(not_found)) => Refusal::Denied(Denied::Hidden(not_found)),
        Some(Unnamed::BadRequest(message)) => Refusal::BadName(message),
        None => Refusal::NoSuchName,
    })
}

/// No name we know is other than UTF-8, so nothing is asked of the policy.
fn not_utf8(path: &str) -> Refusal {
    Refusal::BadName(format!("The name is not UTF-8: {path}"))
}
