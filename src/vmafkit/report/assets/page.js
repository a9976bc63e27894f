(() => {
  "use strict";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 640px)");
  const root = document.documentElement;

  // Replaces colours that are named by their role; texts of users never lie under such keys.
  const coloured = (value, key) => {
    if (typeof value === "string" && key.endsWith("color") && value.startsWith("theme:")) {
      return getComputedStyle(root).getPropertyValue("--" + value.slice(6)).trim();
    }
    if (Array.isArray(value)) return value.map((each) => coloured(each, key));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, k)]));
    }
    return value;
  };

  const draw = () =>
    Promise.all(
      [...document.querySelectorAll(".plot")].map((place) => {
        const text = place.parentElement.querySelector("script.spec").textContent;
        const { data, layout } = coloured(JSON.parse(text), "");
        layout.font.size = narrow.matches ? 11 : 13;
        if (narrow.matches) {
          layout.height = 400;
          layout.dragmode = false;
        }
        return Plotly.react(place, data, layout, {
          responsive: true,
          displaylogo: false,
          displayModeBar: narrow.matches ? false : "hover",
          modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]],
        });
      })
    );

  for (const pair of document.querySelectorAll(".pair")) {
    const slider = pair.querySelector("input");
    const move = () => pair.style.setProperty("--cut", slider.value + "%");
    slider.addEventListener("input", move);
    move();
  }

  draw().then(() => root.setAttribute("data-drawn", document.querySelectorAll(".plot").length));
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();
