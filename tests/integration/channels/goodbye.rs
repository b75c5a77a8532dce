//! What is kept on the disk of what a kernel prints for pages and programs that have closed their connections.

use std::{fs, time::Duration};

use test_support::{TestClient, TestServer, eventually};
use wire::Subprotocol;

use super::{
    cell, kind,
    left_over::{LONG_CODE, end, page_with_long_cell, until_long_cell_is_in_file, with_notebooks},
    merging::{cell_ended, session_of},
    run, start_kernel,
};
use crate::kernels::host_process::pids;

/// 60 MB, of which the memory of the kernel's host holds 4.
const PRINT_MUCH: &str = "burst 600 100000";
const MUCH_BYTES: u64 = 50 << 20;

/// One segment of the file stays until the next is begun.
const LITTLE_BYTES: u64 = 20 << 20;

/// What the kernel's host has on the disk: its files have no names.
fn spilled_bytes(kernel: &str) -> u64 {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", pids(kernel).unwrap().host)).unwrap();
    let nameless = descriptors.flatten().map(|entry| entry.path()).filter(|path| {
        // One that was closed meanwhile is none.
        fs::read_link(path).is_ok_and(|file| file.to_string_lossy().ends_with(" (deleted)"))
    });
    let files = nameless.filter_map(|path| fs::metadata(path).ok().filter(fs::Metadata::is_file));
    files.map(|file| file.len()).sum()
}

async fn until_spilled(what: &str, kernel: &str, is_right: impl Fn(u64) -> bool) {
    eventually(what, async || is_right(spilled_bytes(kernel)).then_some(())).await;
}

async fn print_much(client: &TestClient, kernel: &str) {
    let mut console = client.channels(kernel, "console", Subprotocol::V1).await;
    run(&mut console, PRINT_MUCH).await;
    console.close().await;
}

#[tokio::test]
async fn for_a_page_that_was_closed_just_now_all_is_on_the_disk() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    owner
        .channels(&kernel, "page", Subprotocol::V1)
        .await
        .close()
        .await;
    print_much(&owner, &kernel).await;
    until_spilled("all on the disk", &kernel, |bytes| bytes > MUCH_BYTES).await;
}

#[tokio::test]
async fn for_a_page_that_was_closed_little_is_on_the_disk_once_its_cell_is_in_the_file() {
    let server = with_notebooks(LONG_CODE, &["n.ipynb"])
        .return_wait(Duration::from_secs(1))
        .start()
        .await;
    let owner = server.as_owner();
    let (kernel, page) = page_with_long_cell(&owner, "n.ipynb").await;
    page.close().await;
    end(&owner, &kernel, 0).await;
    until_long_cell_is_in_file(&server.root(), "n.ipynb").await;
    print_much(&owner, &kernel).await;
    until_spilled("little on the disk", &kernel, |bytes| bytes < LITTLE_BYTES).await;
}

#[tokio::test]
async fn what_a_program_ran_that_has_gone_leaves_the_disk_since_no_notebook_has_it() {
    let server = with_notebooks(LONG_CODE, &["n.ipynb"])
        .return_wait(Duration::ZERO)
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = session_of(&owner, "n.ipynb").await;
    let mut program = owner.channels(&kernel, "program", Subprotocol::V1).await;
    program
        .send(&cell(&format!("{PRINT_MUCH}\nsleep 600000 until interrupted")))
        .await;
    program
        .until("the first output", |message| kind(message) == "stream")
        .await;
    program.close().await;
    // It may still be wanted.
    until_spilled("all on the disk", &kernel, |bytes| bytes > MUCH_BYTES).await;
    end(&owner, &kernel, 0).await;
    cell_ended(&owner, &kernel).await;
    until_spilled("little on the disk", &kernel, |bytes| bytes < LITTLE_BYTES).await;
}
