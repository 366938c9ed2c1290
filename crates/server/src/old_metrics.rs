//! Metrics in Prometheus' text format 0.0.4, for those who do not read OpenMetrics.

/// Rewrites what is in the text form of OpenMetrics.
///
/// The old format has no units, no end and no `info`, and a counter's name there has its `_total`.
/// A reader of it refuses a page with a type that it does not know.
pub(crate) fn from_openmetrics(text: &str) -> String {
    let mut old = String::with_capacity(text.len());
    // A family's help comes before its type, which its name depends on.
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, help)) = help.take().filter(|help| help.0 == name) {
                old += &format!("# HELP {name}{suffix} {help}\n");
            }
            old += &format!("# TYPE {name}{suffix} {kind}\n");
        } else if !line.starts_with('#') {
            old += line;
            old.push('\n');
        }
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_information_have_their_old_names_and_types() {
        let text = "# HELP a_requests Requests by route.\n# TYPE a_requests counter\n\
                    a_requests_total{path=\"/\"} 3\n\
                    # HELP a_time_seconds Time.\n# TYPE a_time_seconds histogram\n\
                    # UNIT a_time_seconds seconds\na_time_seconds_sum 1.5\n\
                    # HELP a_build The program.\n# TYPE a_build info\n\
                    a_build_info{version=\"1\"} 1\n# EOF\n";
        let old = "# HELP a_requests_total Requests by route.\n# TYPE a_requests_total counter\n\
                   a_requests_total{path=\"/\"} 3\n\
                   # HELP a_time_seconds Time.\n# TYPE a_time_seconds histogram\n\
                   a_time_seconds_sum 1.5\n\
                   # HELP a_build_info The program.\n# TYPE a_build_info gauge\n\
                   a_build_info{version=\"1\"} 1\n";
        assert_eq!(from_openmetrics(text), old);
    }
}
