// Draws the charts of a page. Data and words come from the page (a JSON block named by
// data-chart), colours from the css tokens, so that light and dark are one drawing.
(() => {
  const charts = new Map();
  // A chart that fills its card follows it, for instance when a table below is opened.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) charts.get(target)?.resize();
  });
  const probe = document.createElement("span");
  probe.hidden = true;

  // Computed, because a token may hold light-dark(…), which only a real property resolves.
  const token = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };

  // Waiting and bridged keep the encoding that they have everywhere: hatched, dotted edge.
  const styleOf = (series) => {
    const surface = token("--surface");
    if (series.kind === "waiting") {
      return {
        color: token("--time-waiting-ground"),
        borderColor: token("--time-working"),
        borderWidth: 1,
        decal: {
          symbol: "rect",
          color: token("--time-working"),
          dashArrayX: [1, 0],
          dashArrayY: [2, 3],
          rotation: -Math.PI / 4,
        },
      };
    }
    if (series.kind === "bridged") {
      return {
        color: token("--time-bridged"),
        borderColor: token("--time-bridged-edge"),
        borderWidth: 1,
        borderType: [1.5, 2],
        decal: { symbol: "none" },
      };
    }
    const color = token(series.kind ? "--time-working" : series.color);
    return { color, borderColor: surface, borderWidth: 0.5, decal: { symbol: "none" } };
  };

  const axisStyle = () => ({
    axisLine: { lineStyle: { color: token("--line") } },
    axisTick: { show: false },
    axisLabel: { color: token("--muted"), fontSize: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: token("--line") } },
  });

  const tooltipOf = (data) => ({
    trigger: "axis",
    renderMode: "richText",
    axisPointer: { type: "shadow", shadowStyle: { color: token("--muted"), opacity: 0.12 } },
    backgroundColor: token("--surface"),
    borderColor: token("--line-strong"),
    padding: [8, 12],
    textStyle: { color: token("--text"), fontSize: 12, lineHeight: 18 },
    confine: true,
    formatter: (points) => {
      const index = points[0].dataIndex;
      const lines = data.series
        .filter((series) => series.texts[index])
        .map((series) => `${series.name}: ${series.texts[index]}`);
      return [
        data.categories[index].name,
        ...lines,
        `${data.total}: ${data.sums[index]}`,
      ].join("\n");
    },
  });

  const optionOf = (data, element) => {
    const lying = data.direction === "rows";
    const narrow = element.clientWidth < 480;
    const categories = {
      ...axisStyle(),
      type: "category",
      inverse: lying,
      data: data.categories.map((category) => category.label),
      splitLine: { show: false },
    };
    if (lying) {
      categories.axisLabel.width = narrow ? 90 : 160;
      categories.axisLabel.overflow = "truncate";
      categories.axisLabel.hideOverlap = false;
      categories.axisLabel.interval = 0;
    }
    const values = {
      ...axisStyle(),
      type: "value",
      axisLine: { show: false },
      axisLabel: { ...axisStyle().axisLabel, formatter: `{value} ${data.unit}` },
      splitNumber: narrow ? (lying ? 2 : 3) : 5,
    };
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      aria: { enabled: true, label: { description: data.description }, decal: { show: false } },
      grid: {
        left: 4,
        right: lying ? 24 : narrow ? 20 : 4, // room for half of the last label
        top: 12,
        bottom: 4,
        outerBoundsMode: "same",
        outerBoundsContain: "axisLabel",
      },
      tooltip: tooltipOf(data),
      xAxis: lying ? values : categories,
      yAxis: lying ? categories : values,
      series: data.series.map((series) => ({
        name: series.name,
        type: "bar",
        stack: "all",
        barMaxWidth: lying ? 18 : 28,
        barCategoryGap: "35%",
        itemStyle: styleOf(series),
        emphasis: { disabled: true },
        data: series.values.map((value) => value || null),
      })),
    };
  };

  const draw = (element) => {
    const source = document.getElementById(element.dataset.chart);
    if (!source) return;
    const data = JSON.parse(source.textContent);
    if (data.direction === "rows") {
      element.style.height = `${Math.max(2, data.categories.length) * 36 + 40}px`;
    } else {
      element.style.height = "";
    }
    let chart = charts.get(element);
    if (!chart) {
      chart = window.echarts.init(element, null, { renderer: "svg" });
      charts.set(element, chart);
      sizes.observe(element);
    }
    chart.resize();
    chart.setOption(optionOf(data, element), true);
  };

  const drawAll = () => {
    document.body.append(probe);
    for (const [element, chart] of charts) {
      if (element.isConnected) continue;
      sizes.unobserve(element);
      chart.dispose();
      charts.delete(element);
    }
    document.querySelectorAll("[data-chart]").forEach(draw);
  };

  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    for (const [element, chart] of charts) {
      chart.resize();
      draw(element);
    }
  });
  document.addEventListener("themechange", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  drawAll();
})();
