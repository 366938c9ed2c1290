//! Where the functions are registered: client, scheduler and executor each find them by name.

use std::sync::Arc;

use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::default_session_builder;
use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::async_udf::AsyncScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::column::Encode;
use crate::part::EncodePart;

/// `splade_encode`.
pub(crate) fn encode() -> ScalarUDF {
    ScalarUDF::new_from_impl(Encode::new())
}

/// `splade_encode_part`.
pub(crate) fn encode_part() -> ScalarUDF {
    AsyncScalarUDF::new(Arc::new(EncodePart::new())).into_scalar_udf()
}

/// Adds the functions to a session, of DataFusion or Ballista.
///
/// # Errors
/// A session that takes none.
pub fn register(session: &mut dyn FunctionRegistry) -> Result<()> {
    session.register_udf(Arc::new(encode()))?;
    session.register_udf(Arc::new(encode_part()))?;
    Ok(())
}

/// A session of the scheduler: Ballista's own, and the functions.
///
/// # Errors
/// DataFusion's.
pub fn session_state(config: SessionConfig) -> Result<SessionState> {
    let mut state = default_session_builder(config)?;
    register(&mut state)?;
    Ok(state)
}

/// What an executor finds functions in: all of a session's, and ours.
///
/// # Errors
/// DataFusion's.
pub fn function_registry() -> Result<BallistaFunctionRegistry> {
    Ok(BallistaFunctionRegistry::from(&session_state(SessionConfig::new_with_ballista())?))
}

/// A client's session on a scheduler (`http://host:50050`), with the functions.
///
/// # Errors
/// DataFusion's.
pub fn client(scheduler: &str, config: SessionConfig) -> Result<SessionContext> {
    let state = default_session_builder(config)?.upgrade_for_ballista(scheduler.to_owned())?;
    let mut context = SessionContext::new_with_state(state);
    register(&mut context)?;
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_know_the_functions_beside_the_default_ones() {
        let registry = function_registry().unwrap();
        for name in ["splade_encode", "splade_encode_part", "abs", "array_length"] {
            assert!(registry.udf(name).is_ok(), "{name}");
        }
    }
}
