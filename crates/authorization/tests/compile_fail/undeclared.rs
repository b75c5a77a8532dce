//! A handler without a declared access.
use authorization::{Guard, GuardedRouter};
use axum::extract::Path;

async fn read(_path: Path<String>) {}

fn main() {
    let _ = |guard: Guard| GuardedRouter::<()>::new(guard).get("/files/{*path}", read);
}
