//! What may stand behind the guard: an async function whose first argument says who may call it.
//!
//! Like axum's own `Handler`, with one difference: the first argument is no extractor. The guard makes it and hands
//! it over, so that a proof in any other place, or in a handler registered past the guard, does not compile.

use std::future::Future;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;

use crate::Access;

/// The arguments of a handler, as a tuple type: a marker of axum's, then what it takes.
pub trait Arguments {
    /// The first one.
    type First: Send + 'static;
}

/// Implemented for the arguments of a handler whose first one is an [`Access`].
pub trait DeclaresAccess: Arguments<First = <Self as DeclaresAccess>::Access> {
    /// That first argument.
    type Access: Access;
}

/// A handler: an async function of up to 16 arguments. The first says who may call ([`Access`]), the others are axum's
/// extractors, the last may take the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler that says who may call it",
    label = "not a handler behind the guard",
    note = "make its first argument `Authorized<Action, Resource>`, or `Anyone` for a public route",
    note = "the other arguments are extractors, of which only the last may take the body; none of them can be a proof",
    note = "it is an `async fn` that returns something that becomes a response"
)]
pub trait GuardedHandler<T: Arguments, S>: Clone + Send + Sync + 'static {
    /// Runs it with the proof the guard made.
    #[doc(hidden)]
    fn call(self, first: T::First, request: Request, state: S) -> BoxFuture<'static, Response>;
}

impl<First: Send + 'static> Arguments for ((), First) {
    type First = First;
}

impl<First: Access> DeclaresAccess for ((), First) {
    type Access = First;
}

impl<F, Fut, Out, S, First> GuardedHandler<((), First), S> for F
where
    F: FnOnce(First) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Out> + Send,
    Out: IntoResponse,
    First: Send + 'static,
{
    fn call(self, first: First, _request: Request, _state: S) -> BoxFuture<'static, Response> {
        Box::pin(async move { self(first).await.into_response() })
    }
}

macro_rules! handlers_of_arity {
    ([$($middle:ident),*], $last:ident) => {
        impl<M, First: Send + 'static, $($middle,)* $last> Arguments for (M, First, $($middle,)* $last) {
            type First = First;
        }

        impl<M, First: Access, $($middle,)* $last> DeclaresAccess for (M, First, $($middle,)* $last) {
            type Access = First;
        }

        #[allow(non_snake_case, reason = "one variable for each type")]
        impl<F, Fut, Out, S, M, First, $($middle,)* $last> GuardedHandler<(M, First, $($middle,)* $last), S> for F
        where
            F: FnOnce(First, $($middle,)* $last) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = Out> + Send,
            Out: IntoResponse,
            S: Send + Sync + 'static,
            First: Send + 'static,
            $($middle: FromRequestParts<S> + Send,)*
            $last: FromRequest<S, M> + Send,
        {
            fn call(self, first: First, request: Request, state: S) -> BoxFuture<'static, Response> {
                Box::pin(async move {
                    #[allow(unused_mut, reason = "a handler of two arguments takes nothing from the parts")]
                    let (mut parts, body) = request.into_parts();
                    $(
                        let $middle = match $middle::from_request_parts(&mut parts, &state).await {
                            Ok(value) => value,
                            Err(rejection) => return rejection.into_response(),
                        };
                    )*
                    let request = Request::from_parts(parts, body);
                    let $last = match $last::from_request(request, &state).await {
                        Ok(value) => value,
                        Err(rejection) => return rejection.into_response(),
                    };
                    self(first, $($middle,)* $last).await.into_response()
                })
            }
        }
    };
}

handlers_of_arity!([], T2);
handlers_of_arity!([T2], T3);
handlers_of_arity!([T2, T3], T4);
handlers_of_arity!([T2, T3, T4], T5);
handlers_of_arity!([T2, T3, T4, T5], T6);
handlers_of_arity!([T2, T3, T4, T5, T6], T7);
handlers_of_arity!([T2, T3, T4, T5, T6, T7], T8);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8], T9);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8, T9], T10);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8, T9, T10], T11);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8, T9, T10, T11], T12);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12], T13);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13], T14);
handlers_of_arity!([T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14], T15);
handlers_of_arity!(
    [T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15],
    T16
);
