// Chartist stacks no lines, so each standing is drawn with all that stand below it, the tallest first.
const startChart = () => {
  const place = byId("chart");
  if (!place) return;
  const points = data.days.map((day) => {
    let height = 0;
    const heights = [...day.counts].map((_, at) => (height += day.counts[at]));
    return { x: Date.parse(day.day), heights, counts: day.counts };
  });
  const drawn = data.standings.map((standing, at) => ({
    name: standing, className: "layer", data: points.map(({ x, heights }) => ({ x, y: heights[at] })),
    some: points.some(({ counts }) => counts[at] > 0),
  })).filter(({ some }) => some).reverse();
  const chart = new Chartist.LineChart(place, { series: drawn.map(({ name, className, data: line }) => ({ name, className, data: line })) }, {
    showArea: true, showPoint: points.length < 15, lineSmooth: Chartist.Interpolation.none(), fullWidth: true,
    chartPadding: { right: 40 }, low: 0,
    axisX: { type: Chartist.FixedScaleAxis, divisor: Math.min(6, Math.max(1, points.length - 1)),
      labelInterpolationFnc: (time) => new Date(time).toISOString().slice(5, 10) },
    axisY: { type: Chartist.AutoScaleAxis, onlyInteger: true, low: 0 },
  });
  // On paper the drawing shrinks with its frame; on the screen the library draws it anew.
  chart.on("created", ({ svg }) => {
    const { width, height } = place.getBoundingClientRect();
    svg.attr({ viewBox: `0 0 ${width} ${height}` });
  });
  chart.on("draw", (part) => {
    if (part.series && ["line", "area", "point"].includes(part.type)) part.element.addClass(`drawn-${part.series.name}`);
  });
};
