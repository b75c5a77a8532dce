use std::io;
use std::path::PathBuf;

/// What can go wrong in finding, rendering and keeping the state of the front ends.
#[derive(Debug, thiserror::Error)]
pub enum FrontendsError {
    /// A front end that is not installed was asked for; `command` brings it.
    #[error("{name} is not installed; `{command}` brings it")]
    NotInstalled {
        /// The front end's name as people know it.
        name: &'static str,
        /// A command that installs it.
        command: &'static str,
    },
    /// A template of a package could not be read or does not parse.
    #[error("failed to load the template `{template}`")]
    LoadTemplate {
        /// File name of the template.
        template: String,
        /// What the engine says.
        #[source]
        source: minijinja::Error,
    },
    /// A template of a package does not render.
    #[error("failed to render the template `{template}`")]
    RenderTemplate {
        /// File name of the template.
        template: String,
        /// What the engine says.
        #[source]
        source: minijinja::Error,
    },
    /// A file could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file could not be written; the old one is unchanged.
    #[error("failed to write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file could not be removed.
    #[error("failed to remove `{path}`")]
    Remove {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file on disk is not the JSON it should be.
    #[error("failed to parse `{path}`: {reason}")]
    ParseFile {
        /// The file.
        path: PathBuf,
        /// The parser's sentence.
        reason: String,
    },
    /// There is no settings schema of that id.
    #[error("Schema not found: {id}")]
    UnknownSchema {
        /// `<package>:<plugin>` as it was asked for.
        id: String,
    },
    /// The schema of a plugin is itself no valid JSON schema.
    #[error("Failed validating schema ({id}): {reason}")]
    InvalidSchema {
        /// `<package>:<plugin>`.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// The settings to be saved are no JSON5.
    #[error("Failed parsing JSON payload: {reason}")]
    SettingsSyntax {
        /// The parser's sentence.
        reason: String,
    },
    /// The settings to be saved do not fit the plugin's schema.
    #[error("Failed validating input: {reason}")]
    SettingsInvalid {
        /// The first violations, one a line.
        reason: String,
    },
    /// A workspace needs a name.
    #[error("Workspace name is required")]
    WorkspaceNameMissing,
    /// No such workspace.
    #[error("Workspace '{name}' not found")]
    UnknownWorkspace {
        /// Its name as it was asked for.
        name: String,
    },
    /// What was to be saved as a workspace is none.
    #[error("{reason}")]
    WorkspaceInvalid {
        /// What is wrong, for people.
        reason: String,
    },
    /// The configuration section's name is not one or more of `[A-Za-z0-9_]`.
    #[error("invalid configuration section `{section}`")]
    InvalidSection {
        /// As it was asked for.
        section: String,
    },
    /// A configuration section must be a JSON object.
    #[error("a configuration section must be a JSON object")]
    SectionNotObject,
    /// A request about an extension or plugin that cannot be followed.
    #[error("{reason}")]
    ExtensionCommand {
        /// What is wrong, for people.
        reason: String,
    },
    /// A format that license reports do not have.
    #[error("Unsupported report format {format}.")]
    LicenseFormat {
        /// As it was asked for.
        format: String,
    },
    /// A pattern of bundle names is no regular expression.
    #[error("invalid bundle pattern: {reason}")]
    LicensePattern {
        /// The parser's sentence.
        reason: String,
    },
    /// Something larger than its limit.
    #[error("{what} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was to be read or kept.
        what: &'static str,
        /// The limit it exceeds.
        limit_bytes: usize,
    },
    /// The server is stopping and begins no more work.
    #[error("the server is shutting down")]
    ShuttingDown,
}
