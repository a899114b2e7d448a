export * from './bits.js';
export * from './pose.js';
export * from './view.js';
export * from './messages.js';
export * from './connection.js';
export * from './motion.js';
