//! The contents of a sweep's tables and charts.

use splade_evaluate::{
    EvaluateError, Evaluation, FlopsCounter, Judgements, Measures, Run, ScoredDoc,
    SparseStatistics, StMeasures, Sweep, SweepChart, SweepPoint, SweepSize,
};

fn evaluation(rank: usize) -> Evaluation {
    let mut judgements = Judgements::new();
    judgements.insert("q", "d", 1).unwrap();
    let hits = (1..=rank).map(|at| ScoredDoc {
        doc_id: if at == rank { "d".into() } else { format!("x{at}") },
        score: -(at as f64),
    });
    let mut run = Run::new("t");
    run.push("q", hits.collect()).unwrap();
    let measures = vec!["ndcg@10".parse().unwrap(), "mrr@10".parse().unwrap()];
    let measures = StMeasures::default().with_measures(measures);
    Measures::SentenceTransformers(measures).evaluate(&judgements, &run).unwrap()
}

fn statistics(n_query_dims: u32, n_document_dims: u32) -> SparseStatistics {
    let mut counter = FlopsCounter::new(1000);
    counter.add_query(&(0..n_query_dims).collect::<Vec<_>>()).unwrap();
    counter.add_document(&(0..n_document_dims).collect::<Vec<_>>()).unwrap();
    counter.statistics()
}

fn point(queries: Option<usize>, documents: Option<usize>, rank: usize) -> SweepPoint {
    let dims = |max: Option<usize>| max.unwrap_or(300) as u32;
    SweepPoint::new(&evaluation(rank), statistics(dims(queries), dims(documents)))
        .with_query_max_active_dims(queries)
        .with_document_max_active_dims(documents)
}

fn grid() -> Sweep {
    let mut points = Vec::new();
    for (rank, documents) in [Some(16), Some(64), Some(256), None].into_iter().rev().enumerate() {
        for queries in [Some(8), None] {
            points.push(point(queries, documents, rank + 1));
        }
    }
    Sweep { points }
}

/// The text and colour of each text element, in file order.
fn colored_texts(svg: &str) -> Vec<(String, String)> {
    let texts = svg.split("<text ").skip(1);
    let words = |rest: &str| {
        let (head, rest) = rest.split_once('>').unwrap();
        let (_, fill) = head.split_once("fill=\"").unwrap();
        let words = rest.split_once("</text>").unwrap().0.trim().to_owned();
        (words, fill.split_once('"').unwrap().0.to_owned())
    };
    texts.map(words).collect()
}

fn texts(svg: &str) -> Vec<String> {
    colored_texts(svg).into_iter().map(|(words, _)| words).collect()
}

#[test]
fn every_point_of_a_chart_has_a_mark_and_its_label() {
    let svg = grid().svg(&SweepChart::default()).unwrap();
    // Labels have darker versions of the lines' colours; everything else is grey.
    for color in ["#004269", "#7E3600"] {
        let labels = colored_texts(&svg).into_iter().filter(|(_, fill)| fill == color);
        let mut labels: Vec<String> = labels.map(|(words, _)| words).collect();
        labels.sort_unstable();
        assert_eq!(labels, ["16", "256", "64", "all"], "{color}: {svg}");
    }
    // A mark for each point, and one for each line in the legend.
    assert_eq!(svg.matches("<circle").count(), 8 + 2);
    let texts = texts(&svg);
    for words in ["queries: 8", "queries: all", "ndcg@10", "mean active dimensions of a document"] {
        assert!(texts.iter().any(|text| text == words), "{words}: {texts:?}");
    }
}

#[test]
fn more_lines_than_colours_have_both_settings_on_their_labels() {
    let points = (1..8).map(|i| point(Some(8 * i), Some(8 * i), 8 - i)).collect();
    let svg = Sweep { points }.svg(&SweepChart::default()).unwrap();
    for i in 1..8 {
        let label = format!("{} / {}", 8 * i, 8 * i);
        assert_eq!(texts(&svg).iter().filter(|text| **text == label).count(), 1, "{label}");
    }
}

#[test]
fn marks_lie_where_quality_and_size_say() {
    let points = [(Some(16), 4), (Some(64), 2), (None, 1)];
    let points = points.map(|(documents, rank)| point(None, documents, rank)).to_vec();
    let svg = Sweep { points }.svg(&SweepChart::default()).unwrap();
    let attribute = |circle: &str, name: &str| -> i32 {
        let (_, rest) = circle.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let marks: Vec<(i32, i32)> = svg
        .split("<circle")
        .skip(1)
        .map(|circle| (attribute(circle, "cx"), attribute(circle, "cy")))
        .collect();
    assert_eq!(marks.len(), 3);
    assert!(marks.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 > pair[1].1));
}

#[test]
fn labels_say_only_what_differs() {
    let svg = |points: Vec<SweepPoint>| Sweep { points }.svg(&SweepChart::default()).unwrap();
    let only = |number: &str, svg: &str| texts(svg).iter().any(|text| text == number);
    let documents = svg(vec![point(None, Some(13), 2), point(None, None, 1)]);
    assert!(only("all", &documents) && only("13", &documents));
    assert!(documents.contains("max_active_dims of documents; all"));
    let queries = svg(vec![point(Some(11), None, 2), point(None, None, 1)]);
    assert!(only("11", &queries) && only("all", &queries));
    assert!(queries.contains("max_active_dims of queries; all"));
}

#[test]
fn a_chart_needs_no_other_file_and_its_words_are_escaped() {
    let chart = SweepChart::default()
        .with_title("A <b> & \"c\"")
        .with_measure("mrr@10")
        .with_size(SweepSize::AvgFlops);
    let svg = grid().svg(&chart).unwrap();
    assert!(svg.contains("A &lt;b&gt; &amp;"), "{svg}");
    assert!(svg.starts_with("<svg "), "{svg}");
    assert!(svg.ends_with("</svg>\n"), "{svg}");
    assert!(!svg.contains("href") && !svg.contains("url(") && !svg.contains("<image"));
    assert_eq!(svg.matches("http").count(), 1, "only the name space");
    assert!(texts(&svg).iter().any(|text| text == "mean FLOPs of a score"));
}

#[test]
fn a_single_point_can_be_drawn() {
    let svg = Sweep { points: vec![point(None, None, 1)] }.svg(&SweepChart::default()).unwrap();
    assert!(texts(&svg).iter().any(|text| text == "all"));
    assert!(!svg.contains("NaN"));
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let error = Sweep::default().svg(&SweepChart::default()).unwrap_err();
    assert!(matches!(error, EvaluateError::NoPoints));
    let error = grid().svg(&SweepChart::default().with_measure("map@100")).unwrap_err();
    assert_eq!(error.to_string(), "point 1 of the sweep has no finite `map@100`");
    let mut sweep = grid();
    sweep.points[1].statistics.corpus_active_dims = f64::NAN;
    let error = sweep.svg(&SweepChart::default()).unwrap_err();
    assert!(matches!(error, EvaluateError::PointSize { point: 2, .. }), "{error}");
}

#[test]
fn a_table_has_a_line_for_each_point_and_all_columns() {
    let points = vec![
        point(Some(8), Some(16), 2).with_nnz(1234).with_index_bytes(5_600_000),
        point(None, None, 1).with_nnz(99_999),
    ];
    let sweep = Sweep { points };
    assert_eq!(
        sweep.markdown(),
        "| max dims, queries | max dims, documents | ndcg@10 | mrr@10 | query dims \
         | query sparsity | corpus dims | corpus sparsity | FLOPs | entries | index |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
         | 8 | 16 | 0.6309 | 0.5000 | 8.0 | 0.9920 | 16.0 | 0.9840 | 8.00 | 1234 | 5.6 MB |\n\
         | all | all | 1.0000 | 1.0000 | 300.0 | 0.7000 | 300.0 | 0.7000 | 300.00 | 99999 | – |\n"
    );
    let csv = sweep.csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0],
        "query_max_active_dims,document_max_active_dims,ndcg@10,mrr@10,query_active_dims,\
         query_sparsity_ratio,corpus_active_dims,corpus_sparsity_ratio,avg_flops,nnz,index_bytes"
    );
    assert_eq!(lines[1], "8,16,0.6309297535714575,0.5,8,0.992,16,0.984,8,1234,5600000");
    assert_eq!(lines[2], ",,1,1,300,0.7,300,0.7,300,99999,");
}

#[test]
fn a_sweep_is_json_with_all_numbers_of_a_point_side_by_side() {
    let sweep = Sweep { points: vec![point(Some(8), None, 1)] };
    let json = serde_json::to_value(&sweep).unwrap();
    assert_eq!(json[0]["query_max_active_dims"], 8);
    assert_eq!(json[0]["document_max_active_dims"], serde_json::Value::Null);
    assert_eq!(json[0]["measures"]["ndcg@10"], 1.0);
    assert_eq!(json[0]["corpus_active_dims"], 300.0);
}
