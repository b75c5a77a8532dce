//! A proof behind another argument.
use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::http::Method;

#[path = "resource.rs"]
mod resource;
use resource::Files;

async fn read(_method: Method, _auth: Authorized<Read, Files>) {}

fn main() {
    let _ = |guard: Guard| GuardedRouter::<()>::new(guard).get("/files/{*path}", read);
}
