//! Which route, a sequence of modules, a call takes.

use std::collections::BTreeSet;

use crate::SpladeError;
use crate::layout::RouterSpec;
use crate::python_tuple::Item;

/// The modality of everything that is encoded here.
const MODALITY: &str = "text";

impl RouterSpec {
    /// The index of the route that a task takes.
    ///
    /// The first that exists of: a mapping of the task (with the modality, then without it), a
    /// mapping of the modality alone, a mapping of everything, a route with the task's name, a
    /// route with the modality's name. If there is none, a task is an error; a call without a task
    /// takes the default route, or the first route if the router allows that.
    ///
    /// # Errors
    /// A task without a route; no task, if no route is the default.
    ///
    /// # Source
    /// sentence-transformers 6.2, `base/modules/router.py`.
    pub(crate) fn resolve(&self, task: Option<&str>) -> Result<usize, SpladeError> {
        let index_of = |route: &str| self.routes.iter().position(|(name, _)| name == route);
        let known = || self.routes.iter().map(|(name, _)| name.clone()).collect();
        let name = |name: &str| Item::Name(name.to_owned());
        let of_task = task.map(|task| [(name(task), name(MODALITY)), (name(task), Item::Any)]);
        let of_any = [(Item::Any, name(MODALITY)), (Item::Any, Item::Any)];
        let mapped = of_task.iter().flatten().chain(&of_any).find_map(|key| self.mappings.get(key));
        let found = mapped
            .and_then(|route| index_of(route))
            .or_else(|| task.and_then(index_of))
            .or_else(|| index_of(MODALITY));
        match (found, task) {
            (Some(index), _) => Ok(index),
            (None, Some(task)) => {
                Err(SpladeError::UnknownRoute { route: task.to_owned(), known: known() })
            }
            (None, None) => self
                .default_index(index_of)
                .ok_or_else(|| SpladeError::NoDefaultRoute { known: known() }),
        }
    }

    /// All tasks: those of the mappings, and each route's own name.
    pub(crate) fn tasks(&self) -> BTreeSet<&str> {
        let mapped = self.mappings.keys().filter_map(|(task, _)| match task {
            Item::Name(name) => Some(name.as_str()),
            Item::Any | Item::Several(_) => None,
        });
        self.routes.iter().map(|(name, _)| name.as_str()).chain(mapped).collect()
    }

    fn default_index(&self, index_of: impl Fn(&str) -> Option<usize>) -> Option<usize> {
        match &self.default_route {
            Some(route) => index_of(route),
            None => (self.allow_empty_key && !self.routes.is_empty()).then_some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python_tuple::pair;

    fn router(mappings: &[(&str, &str)], default_route: Option<&str>) -> RouterSpec {
        let mappings = mappings.iter().map(|(k, v)| (pair(k).unwrap(), (*v).to_owned())).collect();
        RouterSpec {
            routes: vec![("short".to_owned(), Vec::new()), ("long".to_owned(), Vec::new())],
            default_route: default_route.map(str::to_owned),
            allow_empty_key: false,
            mappings,
        }
    }

    #[test]
    fn a_mapping_beats_a_route_s_name() {
        let router = router(&[("('long', None)", "short"), ("('q', 'text')", "long")], None);
        assert_eq!(router.resolve(Some("long")).unwrap(), 0);
        assert_eq!(router.resolve(Some("q")).unwrap(), 1);
        assert_eq!(router.resolve(Some("short")).unwrap(), 0);
        assert_eq!(router.tasks().into_iter().collect::<Vec<_>>(), ["long", "q", "short"]);
    }

    #[test]
    fn an_unknown_task_is_an_error_even_with_a_default() {
        let router = router(&[], Some("long"));
        assert!(matches!(router.resolve(Some("query")), Err(SpladeError::UnknownRoute { .. })));
        assert_eq!(router.resolve(None).unwrap(), 1);
    }

    #[test]
    fn no_task_without_a_default_is_an_error_unless_the_router_allows_it() {
        let mut router = router(&[], None);
        assert!(matches!(router.resolve(None), Err(SpladeError::NoDefaultRoute { .. })));
        router.allow_empty_key = true;
        assert_eq!(router.resolve(None).unwrap(), 0);
    }

    #[test]
    fn a_mapping_of_the_modality_serves_any_task() {
        let router = router(&[("(None, 'text')", "long")], None);
        assert_eq!(router.resolve(Some("nonsense")).unwrap(), 1);
        assert_eq!(router.resolve(Some("short")).unwrap(), 1);
        assert_eq!(router.resolve(None).unwrap(), 1);
    }
}
