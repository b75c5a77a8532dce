//! A handler without arguments.
use authorization::{Guard, GuardedRouter};

async fn hello() {}

fn main() {
    let _ = |guard: Guard| GuardedRouter::<()>::new(guard).get("/hello", hello);
}
