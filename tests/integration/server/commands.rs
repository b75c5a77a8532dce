//! The commands beside the server.

use super::process::{Home, said};

#[tokio::test]
async fn servers_are_listed_and_stopped_by_port() {
    let home = Home::new();
    let mut server = home.start(&["--port=0", "--IdentityProvider.token=T"]).await;
    let listed = home.run(&["list"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let root = home.path("root");
    assert_eq!(
        text,
        format!(
            "Currently running servers:\n{}?token=T :: {}\n",
            server.url(),
            root.display()
        )
    );

    let refused = home.run(&["stop", "1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("there is no server on 1; these run:"),
        "{}",
        said(&refused)
    );

    let port = server.info["port"].to_string();
    // `stop` waits until the process is gone, and it is our child: somebody must reap it.
    let stopping = std::thread::spawn({
        let mut command = home.command(&["server", "stop", &port]);
        move || command.output().expect("the command runs")
    });
    assert!(server.ended().await.success());
    assert!(stopping.join().expect("the command ends").status.success());
    assert_eq!(String::from_utf8_lossy(&home.run(&["list", "--json"]).stdout), "");
}

#[test]
fn help_and_version_start_nothing() {
    let home = Home::new();
    for arguments in [
        &["--help"][..],
        &["lab", "--help"],
        &["lab", "-h", "--port=1"],
        &["help"],
    ] {
        let output = home.run(arguments);
        assert!(output.status.success());
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("--no-browser"),
            "{arguments:?}"
        );
    }
    let version = home.run(&["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim(),
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn the_route_table_in_the_documentation_is_the_servers() {
    let home = Home::new();
    let output = home.run(&["routes"]);
    let documentation = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/routes.md");
    let written = std::fs::read_to_string(documentation).expect("docs/routes.md");
    assert_eq!(
        written,
        String::from_utf8_lossy(&output.stdout),
        "run `cargo xtask docs`"
    );
}

#[test]
fn every_setting_that_works_is_documented() {
    let documentation = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let written = std::fs::read_to_string(documentation).expect("docs/configuration.md");
    let variables = server::Variables::from_pairs("/", [("HOME", "/nowhere")]);
    let line = server::settings::command_line::CommandLine::default();
    let config =
        server::Config::load(server::Application::Server, line, &variables).expect("a configuration");
    let documented = |name: &str| written.contains(&format!("`{name}`"));
    let mut missing: Vec<&str> = config
        .process
        .known_settings
        .iter()
        .filter_map(|name| name.split('.').nth(1))
        .filter(|name| !documented(name))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    assert!(missing.is_empty(), "not in docs/configuration.md: {missing:?}");
}
