// Shows an element of the page on a node, as high as asked for. The graph keeps nothing of it.

export function addElement(node, name, element, height) {
  const widget = node.addDOMWidget(name, name.toUpperCase(), element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => height,
    getMaxHeight: () => height,
    getValue: () => "",
    setValue: () => {},
  });
  widget.serialize = false;
}
