//! Whose fault an error is: what a server answers with, and whether trying again may help.

use std::io::ErrorKind as IoErrorKind;

use splade_model::ModelError;
use splade_tokenizer::TokenizerError;

use crate::SpladeError;

/// Whose fault an error is.
///
/// | Kind | Variants of [`SpladeError`] |
/// |---|---|
/// | [`Caller`](Self::Caller) | `NoFolder`, `HubNotCompiled`, `UnknownRoute`, `NoDefaultRoute` |
/// | [`Caller`](Self::Caller) | `UnknownPrompt`, `UnknownDevice`, `DeviceNotCompiled` |
/// | [`Caller`](Self::Caller) | `NoDevices`, `MaxSeqLength`, `RetrievalSimilarity`, `NotSaved` |
/// | [`Caller`](Self::Caller) | `NotReplaced`, `NoJudgedDocument` |
/// | [`Caller`](Self::Caller) | of `HubEnvironment`, a variable that is not text |
/// | [`Caller`](Self::Caller) | `Cancelled`, `TextTooLong`, `PromptBeforeIds`, `TextOptionsCount` |
/// | [`Caller`](Self::Caller) | `OtherTokens`; of `Tokenizer`, a text that cannot be tokenised |
/// | [`Caller`](Self::Caller) | of `Hub`, a model that it does not have or refuses to give |
/// | [`Data`](Self::Data) | `Parse`, `ConfigValue`, `ConfigKey`, `UnsupportedFile` |
/// | [`Data`](Self::Data) | `UnknownModule`, `ModulePath`, `ModuleOrder`, `ModuleWidth` |
/// | [`Data`](Self::Data) | `RouterModule`, `TableLine` |
/// | [`Data`](Self::Data) | `RouteDimensions`, `VocabularyTooLarge`, `NotFinite`, `JudgedQuery` |
/// | [`Data`](Self::Data) | `Sparse`; most of `Model`, `Tokenizer`, `Corpus`, `Evaluate`, `Index` |
/// | [`Machine`](Self::Machine) | `Read` (unless the file is missing), `Write`, `DeviceNotFound` |
/// | [`Machine`](Self::Machine) | `WorkerPanicked`, `TextsPanicked`, `Threads`, `StreamBroken` |
/// | [`Machine`](Self::Machine) | of `Hub`, a hub that does not answer |
/// | [`Machine`](Self::Machine) | files that the crates below cannot read or write |
///
/// `Worker`, `Texts` and `Unit` have the kind of their cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for: a name, an option, a text. A server answers 4xx.
    Caller,
    /// What files hold: a model, a corpus, an index that is broken or not supported. A server
    /// answers 500; trying again does not help.
    Data,
    /// The machine: disk, device, network, threads. A server answers 503; trying again may help.
    Machine,
}

impl SpladeError {
    /// Whose fault the error is: see the table of [`ErrorKind`].
    pub fn kind(&self) -> ErrorKind {
        use ErrorKind::{Caller, Data, Machine};
        match self {
            Self::NoFolder { .. }
            | Self::HubNotCompiled { .. }
            | Self::UnknownRoute { .. }
            | Self::NoDefaultRoute { .. }
            | Self::UnknownPrompt { .. }
            | Self::MaxSeqLength { .. }
            | Self::UnknownDevice { .. }
            | Self::DeviceNotCompiled { .. }
            | Self::NoDevices
            | Self::RetrievalSimilarity { .. }
            | Self::NoJudgedDocument { .. }
            | Self::NotSaved { .. }
            | Self::NotReplaced { .. }
            | Self::Cancelled
            | Self::TextTooLong { .. }
            | Self::PromptBeforeIds { .. }
            | Self::TextOptionsCount { .. }
            | Self::OtherTokens => Caller,
            Self::Parse { .. }
            | Self::ConfigValue { .. }
            | Self::ConfigKey { .. }
            | Self::UnsupportedFile { .. }
            | Self::UnknownModule { .. }
            | Self::ModulePath { .. }
            | Self::ModuleOrder { .. }
            | Self::ModuleWidth { .. }
            | Self::RouterModule { .. }
            | Self::RouteDimensions { .. }
            | Self::TableLine { .. }
            | Self::VocabularyTooLarge { .. }
            | Self::NotFinite { .. }
            | Self::JudgedQuery { .. }
            | Self::Sparse(_) => Data,
            Self::DeviceNotFound { .. }
            | Self::WorkerPanicked { .. }
            | Self::TextsPanicked { .. }
            | Self::Threads { .. }
            | Self::StreamBroken
            | Self::Write { .. } => Machine,
            Self::Read { source, .. } => of_reading(source),
            Self::Worker { source, .. }
            | Self::Texts { source, .. }
            | Self::Unit { source, .. } => source.kind(),
            Self::Tokenizer(error) => of_tokenizer(error),
            Self::Model(error) => of_model(error),
            #[cfg(feature = "corpus")]
            Self::Corpus(error) => of_corpus(error),
            #[cfg(feature = "evaluate")]
            Self::Evaluate(error) => of_evaluate(error),
            #[cfg(feature = "index")]
            Self::Index(error) => of_index(error),
            #[cfg(feature = "hub")]
            Self::Hub { source, .. } | Self::HubEnvironment(source) => of_hub(source),
        }
    }
}

/// A missing file is the model's fault; a file that cannot be read is the disk's.
fn of_reading(error: &std::io::Error) -> ErrorKind {
    match error.kind() {
        IoErrorKind::NotFound | IoErrorKind::InvalidInput | IoErrorKind::InvalidData => {
            ErrorKind::Data
        }
        _ => ErrorKind::Machine,
    }
}

fn of_tokenizer(error: &TokenizerError) -> ErrorKind {
    match error {
        TokenizerError::Read { source, .. } => of_reading(source),
        TokenizerError::Encode { .. }
        | TokenizerError::UnknownId { .. }
        | TokenizerError::TooManyTokens { .. }
        | TokenizerError::MaxSeqLength { .. } => ErrorKind::Caller,
        _ => ErrorKind::Data,
    }
}

fn of_model(error: &ModelError) -> ErrorKind {
    match error {
        ModelError::Read { source, .. } => of_reading(source),
        ModelError::Device { .. } | ModelError::Write { .. } | ModelError::WriteWeights { .. } => {
            ErrorKind::Machine
        }
        ModelError::Precision { .. }
        | ModelError::GpuProducts { .. }
        | ModelError::MaxActiveDims { .. }
        | ModelError::WeightOverflow { .. } => ErrorKind::Caller,
        _ => ErrorKind::Data,
    }
}

#[cfg(feature = "corpus")]
fn of_corpus(error: &splade_corpus::CorpusError) -> ErrorKind {
    use splade_corpus::{ColumnError, CorpusError, InputError, PartsError, UnitError};

    match error {
        CorpusError::Read { source, .. } => of_reading(source),
        CorpusError::Write { .. } => ErrorKind::Machine,
        CorpusError::Input(InputError::Content { .. } | InputError::CompressionMismatch { .. }) => {
            ErrorKind::Data
        }
        CorpusError::Input(_) => ErrorKind::Caller,
        CorpusError::Columns(ColumnError::NoTextColumn | ColumnError::ColumnList { .. }) => {
            ErrorKind::Caller
        }
        CorpusError::Parts(
            PartsError::FolderNotEmpty { .. }
            | PartsError::SettingsDiffer { .. }
            | PartsError::OtherInput { .. },
        ) => ErrorKind::Caller,
        CorpusError::Parts(PartsError::FolderLocked { .. }) => ErrorKind::Machine,
        CorpusError::Unit(
            UnitError::Stream { .. }
            | UnitError::NoPlan { .. }
            | UnitError::OtherPlan { .. }
            | UnitError::NoUnit { .. }
            | UnitError::OtherUnit { .. }
            | UnitError::SettingsDiffer { .. }
            | UnitError::Mixed { .. }
            | UnitError::Missing { .. },
        ) => ErrorKind::Caller,
        _ => ErrorKind::Data,
    }
}

#[cfg(feature = "evaluate")]
fn of_evaluate(error: &splade_evaluate::EvaluateError) -> ErrorKind {
    use splade_evaluate::EvaluateError;

    match error {
        EvaluateError::Read { source, .. } => of_reading(source),
        EvaluateError::Write { .. } => ErrorKind::Machine,
        EvaluateError::UnknownMeasure { .. } | EvaluateError::NoPoints => ErrorKind::Caller,
        _ => ErrorKind::Data,
    }
}

#[cfg(feature = "index")]
fn of_index(error: &splade_index::IndexError) -> ErrorKind {
    use splade_index::IndexError;

    match error {
        IndexError::Read { source, .. } => of_reading(source),
        IndexError::Write { .. } => ErrorKind::Machine,
        IndexError::QueryDimension { .. } => ErrorKind::Caller,
        _ => ErrorKind::Data,
    }
}

#[cfg(feature = "hub")]
fn of_hub(error: &crate::hub::HubError) -> ErrorKind {
    use crate::hub::HubError;

    match error {
        HubError::Client { .. }
        | HubError::Unreachable { .. }
        | HubError::Listing { .. }
        | HubError::Download { .. }
        | HubError::FileSize { .. }
        | HubError::Cache { .. }
        | HubError::TokenFile { .. }
        | HubError::NoCacheFolder => ErrorKind::Machine,
        HubError::NoWeightsOnHub { .. }
        | HubError::ShardNotOnHub { .. }
        | HubError::Path { .. }
        | HubError::Json { .. } => ErrorKind::Data,
        _ => ErrorKind::Caller,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_of_the_kind_of_its_cause() {
        let missing = || SpladeError::Read {
            path: "config.json".into(),
            source: IoErrorKind::NotFound.into(),
        };
        assert_eq!(missing().kind(), ErrorKind::Data);
        let unreadable = SpladeError::Read {
            path: "config.json".into(),
            source: IoErrorKind::PermissionDenied.into(),
        };
        assert_eq!(unreadable.kind(), ErrorKind::Machine);
        let texts =
            SpladeError::Texts { locations: "text 0".to_owned(), source: Box::new(missing()) };
        assert_eq!(texts.kind(), ErrorKind::Data);
    }

    #[test]
    fn every_variant_is_in_the_table() {
        let source = include_str!("../error.rs");
        let table = include_str!("kind.rs").lines();
        let table: Vec<&str> = table.filter(|line| line.starts_with("/// | [")).collect();
        let below = "`Worker`, `Texts` and `Unit` have the kind of their cause.";
        let body = source.split_once("pub enum SpladeError {").expect("the enum").1;
        let body = body.split_once("\n}").expect("its end").0;
        let is_variant =
            |line: &&str| line.starts_with("    ") && line[4..].starts_with(char::is_uppercase);
        for line in body.lines().filter(is_variant) {
            let end = line[4..].find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len() - 4);
            let name = format!("`{}`", &line[4..4 + end]);
            let is_listed = table.iter().any(|row| row.contains(&name)) || below.contains(&name);
            assert!(is_listed || name == "`Hub`", "{name} is in no row of the table");
        }
    }
}
