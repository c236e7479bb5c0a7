#include "etalon/report/html_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "etalon/calibration/ranges.hpp"
#include "etalon/report/html_style.hpp"
#include "etalon/report/html_text.hpp"
#include "etalon/report/range_histogram.hpp"

// The page is well-formed XML too, so that a strict parser can check it.
namespace etalon {
namespace {

std::string heading(std::string_view id, std::string_view title, std::string_view explained) {
  return fmt::format("<h2 id=\"{}\">{}</h2>\n<p>{}</p>\n", id, title, explained);
}

// --- summary

std::string navigation(const Report& report) {
  std::string links = "<a href=\"#made\">What was made</a>";
  if (report.errors && !report.errors->layers.empty()) links += "<a href=\"#layers\">Layers</a>";
  if (!report.pictures.empty()) links += "<a href=\"#pictures\">Pictures</a>";
  if (!report.tensors.empty()) links += "<a href=\"#tensors\">Tensors</a>";
  return "<nav>" + links + "</nav>\n";
}

std::string tile(std::string_view number, std::string_view text) {
  return fmt::format("<div><b>{}</b><span>{}</span></div>", number, text);
}

std::string tiles(const Report& report) {
  std::string made;
  if (report.errors)
    for (const auto& [output, decibel] : report.errors->outputs)
      made += tile(decibel_text(decibel), fmt::format("INT8 to FP32, <code>{}</code>", html_escaped(output)));
  if (!report.tensors.empty()) made += tile(fmt::format("{}", report.tensors.size()), "tensors with a range");
  if (report.errors && !report.errors->layers.empty())
    made += tile(fmt::format("{}", report.errors->layers.size()), "layers in INT8");
  return made.empty() ? made : "<div class=\"tiles\">" + made + "</div>\n";
}

std::string warnings(const Report& report) {
  if (report.warnings.empty()) return {};
  std::string text = "<div class=\"warn\">";
  for (const auto& warning : report.warnings) text += fmt::format("<p>{}</p>", html_escaped(warning));
  return text + "</div>\n";
}

std::string pairs_card(std::string_view title, const std::vector<std::pair<std::string, std::string>>& pairs,
                       bool first_is_file) {
  if (pairs.empty()) return {};
  std::string rows;
  for (const auto& [first, second] : pairs)
    rows += first_is_file ? fmt::format("<tr><td><code>{}</code></td><td>{}</td></tr>\n", html_escaped(first),
                                        html_escaped(second))
                          : fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n",
                                        html_escaped(first), html_escaped(second));
  return fmt::format("<section class=\"card\"><h3>{}</h3><table{}><tbody>\n{}</tbody></table></section>\n",
                     title, first_is_file ? "" : " class=\"facts\"", rows);
}

// --- layers

// What an SNR leaves wrong, as a part of the signal's amplitude: 20 dB are 0.1. 0 .. 1.
double amplitude_of_error(double decibel) {
  return std::isnan(decibel) ? 0 : std::min(1.0, std::pow(10, -decibel / 20));
}

std::string layer_bars(const LayerError& layer, double largest) {
  const auto width = [&](double decibel) {
    return largest > 0 ? 100 * amplitude_of_error(decibel) / largest : 0.0;
  };
  return fmt::format(
      "<svg class=\"bar\" viewBox=\"0 0 100 16\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
      "<rect class=\"own\" y=\"1\" width=\"{:.1f}\" height=\"8\"/>"
      "<rect class=\"all\" y=\"10\" width=\"{:.1f}\" height=\"4\"/></svg>",
      width(layer.own_db), width(layer.total_db));
}

std::string layers_section(const Report& report) {
  if (!report.errors || report.errors->layers.empty()) return {};
  const auto& layers = report.errors->layers;
  double largest = 0;
  for (const auto& layer : layers)
    largest = std::max({largest, amplitude_of_error(layer.own_db), amplitude_of_error(layer.total_db)});
  std::string text = heading(
      "layers", "Layers by INT8 error",
      "Worst first. <i>Alone</i>: only this layer is rounded, its input is exact. <i>In all</i>: with every "
      "layer before it. A bar is the error's amplitude beside the output's.");
  text +=
      "<p class=\"key\"><span><i class=\"k\"></i>alone</span><span><i class=\"z\"></i>in all</span></p>\n"
      "<section class=\"card ranked\"><table><thead><tr><th class=\"n\">#</th><th>Layer</th><th>Operator</th>"
      "<th class=\"n\">Alone</th><th class=\"n\">In all</th><th style=\"width:38%\">Error</th></tr></thead>"
      "<tbody>\n";
  std::size_t rank = 0;
  for (const auto& layer : layers)
    text += fmt::format(
        "<tr><td class=\"n\">{}</td><td><code>{}</code></td><td>{}</td><td class=\"n\">{}</td>"
        "<td class=\"n\">{}</td><td>{}</td></tr>\n",
        ++rank, html_escaped(layer.layer), html_escaped(layer.op), decibel_text(layer.own_db),
        decibel_text(layer.total_db), layer_bars(layer, largest));
  return text + "</tbody></table></section>\n";
}

// --- pictures

std::string shot(std::string_view precision, const Bytes& png, const std::string& found,
                 const std::string& title) {
  return fmt::format(
      "<figure><img src=\"{}\" alt=\"{} detections on {}\"/><figcaption><b>{}</b> {}</figcaption></figure>\n",
      png_data_uri(png), precision, html_escaped(title), precision, html_escaped(found));
}

std::string pictures_section(const Report& report) {
  if (report.pictures.empty()) return {};
  std::string text = heading("pictures", "What the model finds",
                             "The same photos in floating point and in INT8, simulated on the CPU.");
  text += "<div class=\"shots\">\n";
  for (const auto& picture : report.pictures)
    text += fmt::format("<section class=\"card\"><h3>{}</h3><div class=\"pair\">\n{}{}</div></section>\n",
                        html_escaped(picture.title),
                        shot("FP32", picture.fp32_png, picture.fp32_found, picture.title),
                        shot("INT8", picture.int8_png, picture.int8_found, picture.title));
  return text + "</div>\n";
}

// --- tensors

struct TensorFigures {
  double clipped, zero;  // shares of all values
  double snr_db;         // NaN: nothing to compare with
};

TensorFigures figures_of(const ReportedTensor& tensor) {
  const auto& counted = tensor.statistics;
  const auto values = static_cast<double>(counted.values);
  const bool some = counted.values > counted.zeros();
  return {clipped_share(counted, tensor.range),
          counted.values > 0 ? static_cast<double>(counted.zeros()) / values : 0,
          some ? signal_to_noise_db(counted, tensor.range) : std::nan("")};
}

std::string figure(std::string_view name, std::string_view value, bool hot = false) {
  return fmt::format("<div><dt>{}</dt><dd{}>{}</dd></div>", name, hot ? " class=\"hot\"" : "", value);
}

constexpr double kMuchClipped = 1e-3;  // TensorRT's own search clips less than 1 % and mostly far less

std::string tensor_card(const ReportedTensor& tensor, std::size_t number, const TensorFigures& figures) {
  const auto& counted = tensor.statistics;
  std::string text =
      fmt::format("<section class=\"card tensor\" id=\"t{}\"><h3><code>{}</code></h3>\n{}\n<dl>", number,
                  html_escaped(tensor.name), range_histogram_svg(counted, tensor.range));
  text += figure("range", fmt::format("{:.5g}", tensor.range));
  text += figure("by", html_escaped(tensor.calibrator));
  text += figure("largest |x|", fmt::format("{:.5g}", counted.max()));
  text += figure("SNR", std::isnan(figures.snr_db) ? "all zero" : decibel_text(figures.snr_db));
  text += figure("clipped", percent_text(figures.clipped), figures.clipped > kMuchClipped);
  text += figure("zero", percent_text(figures.zero));
  text += figure("values", count_text(static_cast<double>(counted.values)));
  return text + "</dl></section>\n";
}

std::string tensor_row(const ReportedTensor& tensor, std::size_t number, const TensorFigures& figures) {
  return fmt::format(
      "<tr><td><a href=\"#t{}\"><code>{}</code></a></td><td class=\"n\">{:.5g}</td><td>{}</td>"
      "<td class=\"n\">{:.5g}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
      "class=\"n\">{}</td></tr>\n",
      number, html_escaped(tensor.name), tensor.range, html_escaped(tensor.calibrator),
      tensor.statistics.max(), percent_text(figures.clipped), percent_text(figures.zero),
      std::isnan(figures.snr_db) ? "all zero" : decibel_text(figures.snr_db));
}

std::string tensors_section(const Report& report) {
  if (report.tensors.empty()) return {};
  std::string rows, cards;
  for (std::size_t i = 0; i < report.tensors.size(); ++i) {
    const TensorFigures figures = figures_of(report.tensors[i]);
    rows += tensor_row(report.tensors[i], i, figures);
    cards += tensor_card(report.tensors[i], i, figures);
  }
  return heading("tensors", "Tensors and their ranges",
                 "In network order. Each drawing counts |x|, both axes logarithmic, and stands so that the "
                 "range is at the same place in all of them; zeros are left out.") +
         "<p class=\"key\"><span><i class=\"z\"></i>becomes zero: less than half a step</span>"
         "<span><i class=\"k\"></i>told apart</span>"
         "<span><i class=\"b\"></i>clipped: beyond the range</span></p>\n"
         "<details><summary>The same as a table</summary><section class=\"card\"><table><thead><tr>"
         "<th>Tensor</th><th class=\"n\">Range</th><th>By</th><th class=\"n\">Largest |x|</th>"
         "<th class=\"n\">Clipped</th><th class=\"n\">Zero</th><th "
         "class=\"n\">SNR</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></section><p></p></details>\n<div class=\"tensors\">\n" + cards + "</div>\n";
}

}  // namespace

std::string html_report(const Report& report) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{} - etalon report</title>\n<style>{}</style></head>\n<body><main>\n"
      "<header><p>etalon report</p><h1>{}</h1></header>\n",
      html_escaped(report.title), kReportStyle, html_escaped(report.title));
  page += navigation(report);
  page += tiles(report);
  page += warnings(report);
  page += "<div class=\"pair\" id=\"made\">\n" + pairs_card("What was made from what", report.facts, false) +
          pairs_card("Written", report.written, true) + "</div>\n";
  page += layers_section(report);
  page += pictures_section(report);
  page += tensors_section(report);
  return page + "</main></body></html>\n";
}

}  // namespace etalon
