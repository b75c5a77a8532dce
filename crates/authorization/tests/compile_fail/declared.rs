//! What the other cases get wrong, right.
use authorization::{Anyone, Authorized, Guard, GuardedRouter, Identified, Read, Unchecked, Write};

#[path = "resource.rs"]
mod resource;
use resource::Files;

async fn public(_anyone: Anyone) {}
async fn me(_auth: Identified) {}
async fn read(_auth: Authorized<Read, Files>, _body: String) {}
async fn rename(auth: Authorized<Write, Files>, body: String) {
    let named: Unchecked<Files> = Unchecked::new(body);
    let _name: Result<String, _> = auth.also::<Write, Files>(named).await;
}

fn routes(guard: Guard) -> GuardedRouter<()> {
    GuardedRouter::new(guard)
        .get("/api", public)
        .get("/api/me", me)
        .get("/files/{*path}", read)
        .patch("/files/{*path}", rename)
}

fn main() {
    let _ = routes;
}
