//! A public handler that would take a proof all the same.
use authorization::{Anyone, Authorized, Guard, GuardedRouter, Read};

#[path = "resource.rs"]
mod resource;
use resource::Files;

async fn read(_anyone: Anyone, _auth: Authorized<Read, Files>) {}

fn main() {
    let _ = |guard: Guard| GuardedRouter::<()>::new(guard).get("/files/{*path}", read);
}
