//! `adrastea lab` and its like: from the command line to a running server, and to its end.

use std::process::ExitCode;
use std::time::Duration;

use frontends::Frontends;
use tracing::{error, info, warn};

use crate::banner::Banner;
use crate::config::{Application, Config, TokenOrigin};
use crate::error::ServerError;
use crate::python::{interpreter_on_path, setup};
use crate::running::RunningServer;
use crate::runtime_files::{self, RuntimeFiles, ServerInfo};
use crate::settings::command_line::CommandLine;
use crate::signals::{Signals, Wish};
use crate::start::{Overrides, start};
use crate::succession::{Estate, Successor, reap_inherited_children};
use crate::urls::{self, ShownToken};
use crate::variables::Variables;
use crate::{browser, logging, paths};

/// How long file operations that are under way may take at the end.
const BLOCKING_TASKS_TIMEOUT: Duration = Duration::from_secs(1);

/// Open files a server may need: kernels, their sockets, and browsers (`min_open_files_limit` of the reference).
const OPEN_FILES_MIN: u64 = 4096;

pub(super) fn run(
    application: Application,
    line: CommandLine,
    variables: &Variables,
) -> Result<ExitCode, ServerError> {
    let estate = Estate::of_this_process(variables);
    let mut config = Config::load(application, line.clone(), variables)?;
    if let Some(form) = config.process.show_config {
        return super::show::config(&config, form);
    }
    logging::start(config.process.log_level, config.time_zone.clone());
    for warning in &config.warnings {
        warn!("{warning}");
    }
    if nix::unistd::Uid::effective().is_root() && !config.process.allow_root {
        return Err(ServerError::Root);
    }
    if config.process.setup && setup_is_needed(&config, variables)? {
        // What was just installed is found by looking again.
        config = Config::load(application, line, variables)?;
    }
    if let (Some(token), TokenOrigin::Generated) = (
        estate.as_ref().and_then(Estate::token),
        config.identity.token_origin,
    ) {
        token.clone_into(&mut config.identity.config.token);
    }
    raise_open_files_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| ServerError::Service {
            what: "the runtime",
            source: Box::new(source),
        })?;
    let served = runtime.block_on(serve(config, estate, variables));
    // Not simply dropped: that waits for blocking tasks, such as one that still waits for an answer on the terminal.
    runtime.shutdown_timeout(BLOCKING_TASKS_TIMEOUT);
    match served? {
        None => Ok(ExitCode::SUCCESS),
        Some((successor, estate)) => Err(ServerError::Service {
            what: "the next server",
            source: Box::new(successor.take_over(&estate)),
        }),
    }
}

/// Serves to the end; tells who takes over, and what.
async fn serve(
    config: Config,
    estate: Option<Estate>,
    variables: &Variables,
) -> Result<Option<(Successor, Estate)>, ServerError> {
    let signals = Signals::listen();
    let mut signals = signals.map_err(|source| ServerError::Service {
        what: "signal handling",
        source: Box::new(source),
    })?;
    reap_inherited_children();
    // Whoever has the page open has it still.
    let opens_browser = config.process.open_browser && estate.is_none();
    let overrides = Overrides {
        estate,
        ..Overrides::default()
    };
    let server = start(config.clone(), overrides).await?;
    let info = server_info(&config, &server);
    let file_to_open = opened_path(&config, server.frontends());
    // Said first: who finds the file finds a server that has told everything.
    Banner::of(&config, &server, &file_to_open).await.show();
    let open_url = open_url(&config, &server, &file_to_open);
    let for_file = (!config.process.no_browser_open_file).then_some(open_url.as_str());
    let files = RuntimeFiles::write(&config.paths.runtime_dir, &info, for_file);
    let running = running(&config, &server);
    if opens_browser && info.sock.is_empty() {
        let page = runtime_files::open_file(&config.paths.runtime_dir, info.pid);
        let target = match config.process.use_redirect_file && for_file.is_some() {
            true => urls::file_url(&page),
            false => open_url,
        };
        browser::open(&target, config.process.browser.as_deref(), variables);
    }
    let (wish, successor) = loop {
        let wish = tokio::select! {
            wish = signals.stop_requested(config.process.answer_yes, || running.clone()) => wish,
            () = server.stop_asked() => {
                info!("a client asked for the shutdown");
                Wish::Stop
            }
        };
        if wish != Wish::Restart {
            break (wish, None);
        }
        match successor(&server, variables).await {
            Ok(successor) => break (wish, Some(successor)),
            Err(problem) => error!("not restarting: {problem}"),
        }
    };
    // Before the kernels end: nobody should find a server that is about to go.
    drop(files);
    match wish {
        Wish::Stop if !config.process.keep_kernels => server.shutdown().await,
        Wish::Stop | Wish::Leave => server.leave().await,
        Wish::Restart => {
            let listeners = server.leave_to_successor().await;
            let token = match config.identity.token_origin {
                TokenOrigin::Generated => Some(config.identity.config.token.clone()),
                TokenOrigin::None | TokenOrigin::Given => None,
            };
            let estate = Estate::new(config.network.address.clone(), listeners, token);
            return Ok(successor.map(|successor| (successor, estate)));
        }
    }
    Ok(None)
}

/// Who takes this server's place, if somebody can.
async fn successor(server: &RunningServer, variables: &Variables) -> Result<Successor, String> {
    if !server.can_leave() {
        return Err("the next server could not find the kernels of this one".to_owned());
    }
    let successor = Successor::of_this_process(variables).ok_or("nobody knows how it was started")?;
    successor.check().await?;
    Ok(successor)
}

/// Makes the managed environment unless something at hand has everything. Tells whether it was made.
fn setup_is_needed(config: &Config, variables: &Variables) -> Result<bool, ServerError> {
    if let Some(complete) = setup::complete_environment(&config.environments) {
        info!("the front ends are in {} already", complete.prefix.display());
        return Ok(false);
    }
    let directory = paths::managed_environment(variables);
    setup::make(&directory, interpreter_on_path(variables).as_deref())?;
    Ok(true)
}

/// The path that is shown and opened, with the base URL: of the file on the command line, else the default URL. Where
/// the front end for it is missing, it is the page that says how to get it.
fn opened_path(config: &Config, frontends: &Frontends) -> String {
    match &config.directories.file_to_run {
        Some(_) if !frontends.has(config.application.front_end()) => frontends.home_url(),
        Some(file) => config.base_url.join(&format!(
            "{}/{}",
            config.application.file_url_prefix(),
            urls::encoded(file)
        )),
        None => start_path(config, frontends),
    }
}

/// The default URL, or the page that is there instead of it.
fn start_path(config: &Config, frontends: &Frontends) -> String {
    match config.default_url == config.base_url.as_str() {
        // It leads on by itself.
        true => config.default_url.clone(),
        false => frontends.default_url(),
    }
}

/// The URL for the browser, with the token: it only goes into a private file, or where the user wants it.
fn open_url(config: &Config, server: &RunningServer, path: &str) -> String {
    let token = match config.identity.config.token.as_str() {
        "" => ShownToken::None,
        token => ShownToken::Shown(token),
    };
    server
        .place()
        .urls(path, token)
        .into_iter()
        .next()
        .unwrap_or_default()
}

fn server_info(config: &Config, server: &RunningServer) -> ServerInfo {
    let place = server.place();
    ServerInfo {
        base_url: place.base_url.clone(),
        hostname: match (place.ip.is_empty(), &place.socket) {
            (false, None) => place.ip.clone(),
            _ => "localhost".to_owned(),
        },
        password: !config.identity.config.hashed_password.is_empty(),
        pid: std::process::id(),
        port: place.port,
        root_dir: config.directories.root_dir.to_string_lossy().into_owned(),
        secure: false,
        sock: place.socket.clone().unwrap_or_default(),
        token: config.identity.config.token.clone(),
        url: place.connection_url(),
        version: api::JUPYTER_SERVER_API.to_owned(),
    }
}

/// The server in two lines, for the question before it stops and for SIGUSR1.
fn running(config: &Config, server: &RunningServer) -> String {
    let token = match config.identity.token_origin {
        TokenOrigin::None => ShownToken::None,
        TokenOrigin::Generated | TokenOrigin::Given => ShownToken::Hidden,
    };
    let urls = server
        .place()
        .urls(&start_path(config, server.frontends()), token);
    format!(
        "Serving {} at\n    {}",
        config.directories.root_dir.display(),
        urls.join("\n    ")
    )
}

/// Raises the limit of open files to what a server needs, as far as that is allowed.
fn raise_open_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(OPEN_FILES_MIN, |maximum| maximum.min(OPEN_FILES_MIN));
    if limit.current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                ..limit
            },
        )
    {
        warn!("could not raise the limit of open files to {wanted}: {error}");
    }
}
