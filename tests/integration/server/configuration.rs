//! Which setting counts, and what is said about those that do not.

use serde_json::{Value, json};

use super::process::{Home, said};

fn shown(home: &Home, arguments: &[&str]) -> Value {
    let output = home.run(&[arguments, &["--show-config-json"]].concat());
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_command_line_wins_over_files_and_the_servers_file_over_the_others() {
    let home = Home::new();
    home.write(
        "config/jupyter_server_config.d/a.json",
        r#"{"ServerApp": {"port": 1, "ip": "a", "port_retries": 1}}"#,
    );
    home.write(
        "config/jupyter_server_config.json",
        r#"{"ServerApp": {"ip": "b", "port_retries": 2}}"#,
    );
    home.write(
        "config/jupyter_config.json",
        r#"{"ServerApp": {"ip": "c", "default_url": "/c"}}"#,
    );
    home.write(
        "config/jupyter_lab_config.json",
        r#"{"ServerApp": {"default_url": "/d"}}"#,
    );
    let shown = shown(&home, &["--port-retries=3"]);
    assert_eq!(
        shown["ServerApp"],
        json!({"port": 1, "ip": "b", "port_retries": "3", "default_url": "/c"})
    );
}

#[tokio::test]
async fn files_are_found_along_the_configuration_path() {
    let home = Home::new();
    home.write(
        "extra/jupyter_server_config.json",
        r#"{"ServerApp": {"base_url": "extra"}}"#,
    );
    home.write(
        "config/jupyter_server_config.json",
        r#"{"ServerApp": {"base_url": "own"}}"#,
    );
    let extra = home.path("extra").to_str().expect("a path").to_owned();
    let home = home.with_variable("JUPYTER_CONFIG_PATH", &extra);
    let server = home.start(&["--port=0"]).await;
    assert_eq!(server.info["base_url"], "/extra/");
}

#[tokio::test]
async fn variables_of_the_reference_are_honoured() {
    let home = Home::new()
        .with_variable("JUPYTER_TOKEN", "from-variable")
        .with_variable("JUPYTER_PORT", "0");
    let server = home.start(&[]).await;
    assert_eq!(server.token(), "from-variable");
    assert_ne!(server.info["port"], 8888);
}

#[tokio::test]
async fn the_old_names_of_settings_still_work_and_are_called_old() {
    let home = Home::new();
    let server = home
        .start(&["--port=0", "--ServerApp.token=old", "--NotebookApp.base_url=/n/"])
        .await;
    assert_eq!(server.token(), "old");
    assert_eq!(server.info["base_url"], "/n/");
    assert!(
        server
            .log()
            .contains("ServerApp.token is deprecated; use IdentityProvider.token"),
        "{}",
        server.log()
    );
}

#[tokio::test]
async fn what_has_no_effect_is_named_once_in_one_warning() {
    let home = Home::new();
    home.write("config/jupyter_server_config.py", "c.ServerApp.port = 1");
    let jpserver = r#"{"ServerApp": {"jpserver_extensions": {"jupyterlab": true, "jupyter_ai": true}}}"#;
    home.write("config/jupyter_server_config.d/x.json", jpserver);
    let server = home
        .start(&[
            "--port=0",
            "--ServerApp.prot=1",
            "--GatewayClient.url=x",
            "--Unknown.thing=2",
        ])
        .await;
    let log = server.log();
    let line =
        "settings that do not exist here have no effect: GatewayClient.url, ServerApp.prot, Unknown.thing\n";
    assert_eq!(log.matches(line).count(), 1, "{log}");
    assert_eq!(log.matches("do not run here: jupyter_ai\n").count(), 1, "{log}");
    assert!(
        log.contains("configuration files written in Python are not read"),
        "{log}"
    );
}

#[test]
fn bad_configuration_is_told_in_one_sentence_with_its_place() {
    let home = Home::new();
    let check = |arguments: &[&str], code: i32, part: &str| {
        let output = home.run(arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert_eq!(text.matches(part).count(), 1, "{text}");
        assert!(!text.contains("panicked"), "{text}");
    };
    check(
        &["--port=x"],
        1,
        "ServerApp.port must be a whole number, not `x` (`--port` on the command line)",
    );
    check(
        &["--ServerApp.open_browser=perhaps"],
        1,
        "ServerApp.open_browser must be true or false",
    );
    check(&["--nosuch"], 2, "there is no option `--nosuch`");
    check(&["--no-brwoser"], 2, "did you mean `--no-browser`?");
    check(&["--port"], 2, "`--port` needs a value");
    check(
        &["--policy=nobody"],
        1,
        "Adrastea.policy must be `owner`, `read-only`, `read-write` or `temporary`",
    );
    check(&["--notebook-dir=missing"], 1, "no such directory");
    check(&["missing.ipynb"], 1, "no such file or directory");
    check(
        &["--config=missing.json"],
        1,
        "could not read the configuration file",
    );
    check(&["--certfile=x.pem"], 1, "asks for TLS");
    check(
        &["--ServerApp.authorizer_class=a.B"],
        1,
        "names the Python class `a.B`, which cannot run here",
    );
    check(
        &["--PasswordIdentityProvider.password_required=True"],
        1,
        "there is no password",
    );
    home.write("config/jupyter_server_config.json", "{\"ServerApp\": {");
    check(&[], 1, "is not valid JSON: EOF");
    home.write(
        "config/jupyter_server_config.json",
        "{\"ServerApp\": {\"port\": \"8888\"}}",
    );
    check(
        &[],
        1,
        "ServerApp.port must be a whole number, not `\"8888\"` (in `",
    );
}

#[test]
fn a_secret_that_does_not_fit_is_not_repeated() {
    let home = Home::new();
    home.write(
        "config/jupyter_server_config.json",
        r#"{"IdentityProvider": {"token": 123456789}}"#,
    );
    let text = said(&home.run(&[]));
    assert!(text.contains("IdentityProvider.token must be a text"), "{text}");
    assert!(!text.contains("123456789"), "{text}");
}

#[test]
fn limits_that_make_no_sense_stop_the_start_with_a_sentence() {
    let home = Home::new();
    for (setting, sentence) in [
        (
            "kernel_memory_bytes_max=2",
            "must be bytes, as `2147483648` or `2G`, at least 16M",
        ),
        (
            "kernel_memory_bytes_max=lots",
            "must be bytes, as `2147483648` or `2G`, at least 16M",
        ),
        (
            "kernel_cpu_time_max=-1",
            "must be a number of seconds from 0 to a year",
        ),
        ("kernel_processes_max=many", "must be a whole number"),
        ("kernels_per_user_max=-1", "must be a number in its range"),
    ] {
        let argument = format!("--Adrastea.{setting}");
        let output = home.run(&["server", "--port=0", "--allow-root", "--no-browser", &argument]);
        assert!(!output.status.success(), "{setting}");
        let said = said(&output);
        let name = setting.split('=').next().expect("a name");
        assert!(
            said.contains(&format!("Adrastea.{name} {sentence}")),
            "{setting}: {said}"
        );
    }
}
